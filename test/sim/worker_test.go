package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/semaphore"
	"github.com/coordkit/coord/primitives/session"
)

// worker takes, uses and gives back, at random.
type worker struct {
	member
	id   string
	dice *rand.Rand
}

// work goes on until bad ends, and then takes everything once more, for which it has until whole ends: nobody may wait for ever.
func (w *worker) work(bad, whole context.Context) {
	w.rest(bad, w.at(begins))
	for bad.Err() == nil {
		ctx, cancel := bad, context.CancelFunc(func() {})
		if w.dice.IntN(3) > 0 {
			ctx, cancel = context.WithTimeout(bad, 1+w.upTo(8*time.Second))
		}
		if err := w.turn(ctx, w.dice.IntN(8)); err != nil {
			w.mayFail(ctx, err)
			w.rest(bad, w.upTo(100*time.Millisecond))
		}
		cancel()
	}
	for _, way := range []int{0, 2, 4, 6, 7} {
		for {
			err := w.turn(whole, way)
			if err == nil {
				break
			}
			if whole.Err() != nil {
				w.c.r.fail(starved, "%s: turn %d: %v", w.id, way, err)
				return
			}
			w.mayFail(whole, err)
			w.rest(whole, w.upTo(100*time.Millisecond))
		}
	}
}

// turn takes one thing in one way, uses it and gives it back. It returns why it was not to be had.
func (w *worker) turn(ctx context.Context, way int) (err error) {
	w.say(fmt.Sprintf("%s begins %d", w.id, way))
	defer func() { w.say(fmt.Sprintf("%s ends %d: %s", w.id, way, code(err))) }()
	switch way {
	case 0, 1:
		return w.write(ctx)
	case 2:
		return w.read(ctx)
	case 3:
		return w.both(ctx)
	case 4, 5:
		return w.enter(ctx)
	case 6:
		return w.lead(ctx)
	}
	return w.run(ctx)
}

func (w *worker) upTo(d time.Duration) time.Duration { return time.Duration(w.dice.Int64N(int64(d))) }

// mayFail checks that an error is one that a bad way to the store explains, or a wait that was bounded.
func (w *worker) mayFail(ctx context.Context, err error) {
	explained := []error{
		mutex.ErrLocked, semaphore.ErrFull, session.ErrLost, kv.ErrUnavailable, kv.ErrUncertain, election.ErrNoCandidate,
	}
	if ctx.Err() != nil {
		explained = append(explained, ctx.Err())
	}
	if !slices.ContainsFunc(explained, func(e error) bool { return errors.Is(err, e) }) {
		w.c.r.fail(wrongError, "%s: %v", w.id, err)
	}
}

// use works with what is held, and writes to the resource, if there is one. One who is careful looks before each write whether it holds. While
// everything goes wrong some hold for long, so that leases end under them.
func (w *worker) use(ctx context.Context, in *seat, res *resource, shared bool) {
	careful, pause := w.dice.IntN(3) > 0, pauseAtMost
	if w.dice.IntN(6) == 0 && w.c.r.bad.Load() {
		pause = ttl
	}
	for range 1 + w.dice.IntN(3) {
		w.rest(ctx, w.upTo(pause))
		if careful && in.Err() != nil {
			return
		}
		if res != nil {
			w.c.write(res, in, shared)
		}
	}
}

// write holds a lock for writing, and perhaps for reading afterwards.
func (w *worker) write(ctx context.Context) error {
	l := w.c.r.locks[w.dice.IntN(len(w.c.r.locks))]
	m, rw := mutex.New(w.c.s, l.name, nil), mutex.NewRW(w.c.s, l.name, nil)
	lock := []func(context.Context) (*mutex.Held, error){m.Lock, rw.Lock, m.TryLock}[w.dice.IntN(3)]
	h, err := lock(ctx)
	if err != nil {
		return err
	}
	w.stand()
	in := l.judge.enter(h, everything, 0)
	w.note("writes", h)
	w.use(ctx, in, l.res, false)
	if w.dice.IntN(3) == 0 {
		in.share()
		if err := h.Downgrade(ctx); err == nil {
			w.use(ctx, in, l.res, true)
		}
	}
	w.unlock(h)
	return nil
}

// read holds a lock for reading.
func (w *worker) read(ctx context.Context) error {
	l := w.c.r.locks[w.dice.IntN(len(w.c.r.locks))]
	rw := mutex.NewRW(w.c.s, l.name, nil)
	lock := []func(context.Context) (*mutex.Held, error){rw.RLock, rw.RLock, rw.TryRLock}[w.dice.IntN(3)]
	h, err := lock(ctx)
	if err != nil {
		return err
	}
	w.stand()
	w.note("reads", h)
	w.use(ctx, l.judge.enter(h, 1, 0), l.res, true)
	w.unlock(h)
	return nil
}

// both holds all locks.
func (w *worker) both(ctx context.Context) error {
	var locks []*mutex.Mutex
	for _, i := range w.dice.Perm(len(w.c.r.locks)) {
		locks = append(locks, mutex.New(w.c.s, w.c.r.locks[i].name, nil))
	}
	all, err := mutex.LockAll(ctx, locks...)
	if err != nil {
		return err
	}
	w.stand()
	for i, h := range all.Held() {
		l := w.c.r.locks[i]
		w.use(ctx, l.judge.enter(h, everything, 0), l.res, false)
	}
	for _, h := range all.Held() {
		w.unlock(h)
	}
	return nil
}

// unlock gives back, and looks whether that is so if Unlock says so.
func (w *worker) unlock(h *mutex.Held) {
	err := w.giveBack(h.Unlock)
	if err != nil {
		return
	}
	info, err := mutex.Inspect(context.Background(), w.c.r.store, h.Name())
	if err != nil {
		w.c.r.fail(wrongError, "Inspect: %v", err)
	}
	for _, e := range slices.Concat(info.Holders, info.Queue) {
		if e.Token == h.Token() {
			w.c.r.fail(leftBehind, "token %d is in the store after Unlock", h.Token())
		}
	}
}

// giveBack gives back within a random time.
func (w *worker) giveBack(back func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), w.upTo(6*time.Second))
	defer cancel()
	err := back(ctx)
	if err != nil && !errors.Is(err, session.ErrLost) && !errors.Is(err, kv.ErrUncertain) {
		w.c.r.fail(wrongError, "%s gives back: %v", w.id, err)
	}
	w.stand()
	return err
}

// enter holds a part of the semaphore.
func (w *worker) enter(ctx context.Context) error {
	j := w.c.r.room
	s := semaphore.New(w.c.s, j.name, j.limit, nil)
	acquire := s.Acquire
	if w.dice.IntN(4) == 0 {
		acquire = s.TryAcquire
	}
	floor := j.floor()
	p, err := acquire(ctx, 1+w.dice.Int64N(j.limit))
	if err != nil {
		return err
	}
	w.stand()
	w.note("is in", p)
	w.use(ctx, j.enter(p, p.Weight(), floor), nil, false)
	_ = w.giveBack(p.Release)
	return nil
}

// lead leads by hand.
func (w *worker) lead(ctx context.Context) error {
	term, err := w.candidate().Campaign(ctx)
	if err != nil {
		return err
	}
	w.reign(ctx, term)
	_ = w.giveBack(term.Resign)
	return nil
}

// run leads by Run, once.
func (w *worker) run(ctx context.Context) error {
	err := w.candidate().Run(ctx, func(ctx context.Context, term *election.Term) error {
		w.reign(ctx, term)
		return nil
	})
	w.stand()
	return err
}

func (w *worker) candidate() *election.Election {
	return election.New(w.c.s, w.c.r.chair.name, &election.Options{ID: w.id, Value: []byte(w.id), Priority: w.dice.IntN(3)})
}

// reign does what leaders do.
func (w *worker) reign(ctx context.Context, term *election.Term) {
	w.stand()
	chair := w.c.r.chair
	in := chair.judge.enter(term, 1, 0)
	chair.begins(term)
	w.note("leads", term)
	w.use(ctx, in, chair.res, false)
	bound, cancel := context.WithTimeout(ctx, 1+w.upTo(2*time.Second))
	defer cancel()
	switch w.dice.IntN(4) {
	case 0, 1:
		_ = term.Proclaim(bound, []byte(w.id+" proclaims"))
	case 2:
		_ = term.Transfer(bound, w.c.r.workers[w.dice.IntN(len(w.c.r.workers))].id)
	}
	w.use(ctx, in, chair.res, false)
}

func (w *worker) note(what string, h hold) {
	w.say(fmt.Sprintf("%s %s under token %d, valid for %v", w.id, what, h.Token(), h.ValidFor()))
}

// say has the driver note a line, after all others of this moment that come before it.
func (w *worker) say(line string) {
	w.c.r.wire.post(line, func() { w.c.r.wire.trace.add("%s", line) })
}
