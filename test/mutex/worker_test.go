package mutex

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
)

// errBounded is what a wait ends with that was not to be longer.
var errBounded = context.DeadlineExceeded

// worker is a goroutine of a simulation that locks, works and unlocks.
type worker struct {
	t    *testing.T
	sim  *simulation
	p    *process
	dice *rand.Rand
}

// work contends while everything goes wrong, and then once more, when nobody may wait for ever.
func (w *worker) work(bad, whole context.Context) {
	for bad.Err() == nil && !w.t.Failed() {
		ctx, cancel := whole, context.CancelFunc(func() {})
		if w.dice.IntN(3) > 0 {
			ctx, cancel = context.WithTimeout(whole, w.upTo(8*time.Second))
		}
		err := w.turn(ctx, bad)
		cancel()
		if err != nil {
			pause(bad, w.upTo(100*time.Millisecond))
		}
	}
	for w.turn(whole, bad) != nil && whole.Err() == nil && !w.t.Failed() {
		pause(whole, w.upTo(100*time.Millisecond))
	}
	if whole.Err() != nil {
		w.t.Errorf("somebody waits for ever")
	}
}

func (w *worker) upTo(d time.Duration) time.Duration { return time.Duration(w.dice.Int64N(int64(d))) }

// turn takes a lock, or two, in one of the ways; works under it until its time is over, or it is lost, or bad ends; and gives it back. It
// returns why no lock was to be had.
func (w *worker) turn(ctx, bad context.Context) error {
	way := w.dice.IntN(10)
	if way == 0 {
		return w.both(ctx, bad)
	}
	g := w.sim.guarded[w.dice.IntN(len(w.sim.guarded))]
	m, rw := mutex.New(w.p.s, g.name, g.options()), mutex.NewRW(w.p.s, g.name, g.options())
	lock := []locker{rw.Lock, rw.Lock, m.Lock, m.Lock, m.TryLock, rw.TryLock, rw.TryRLock, rw.RLock, rw.RLock}[way-1]
	h, err := lock(ctx)
	if err != nil {
		return w.failed(err)
	}
	in := w.enter(g, h, way >= 7)
	w.pause(bad, h)
	if !in.shared && w.dice.IntN(3) == 0 {
		w.downgrade(bad, g, in)
	}
	w.unlock(h, g.name)
	return nil
}

// both takes all locks at once.
func (w *worker) both(ctx, bad context.Context) error {
	var locks []*mutex.Mutex
	for _, i := range w.dice.Perm(len(w.sim.guarded)) {
		g := w.sim.guarded[i]
		locks = append(locks, mutex.New(w.p.s, g.name, g.options()))
	}
	all, err := mutex.LockAll(ctx, locks...)
	if err != nil {
		return w.failed(err)
	}
	for i, h := range all.Held() {
		w.enter(w.sim.guarded[i], h, false)
	}
	w.pause(bad, all.Held()[0])
	for _, h := range all.Held() {
		w.unlock(h, h.Name())
	}
	return nil
}

// failed returns err, which must be one that is promised.
func (w *worker) failed(err error) error {
	if !expected(err) {
		w.t.Errorf("Lock: %v", err)
	}
	return err
}

func (w *worker) enter(g *guarded, h *mutex.Held, shared bool) *guest {
	in, err := g.enter(h, shared)
	if err != nil {
		w.t.Error(err)
	}
	return in
}

// pause works under the lock.
func (w *worker) pause(bad context.Context, h *mutex.Held) {
	ctx := h.Context(bad)
	pause(ctx, w.upTo(600*time.Millisecond))
}

// downgrade lets readers in, or perhaps so, and reads on.
func (w *worker) downgrade(bad context.Context, g *guarded, in *guest) {
	g.share(in)
	if err := in.h.Downgrade(bad); err != nil && !expected(err) {
		w.t.Errorf("Downgrade: %v", err)
	}
	w.pause(bad, in.h)
}

// unlock gives back, and looks whether that is so if Unlock says so.
func (w *worker) unlock(h *mutex.Held, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), w.upTo(6*time.Second))
	defer cancel()
	err := h.Unlock(ctx)
	if err != nil {
		if !errors.Is(err, mutex.ErrLost) && !errors.Is(err, kv.ErrUncertain) {
			w.t.Errorf("Unlock: %v", err)
		}
		return
	}
	info, err := mutex.Inspect(context.Background(), w.sim.store, name)
	if err != nil {
		w.t.Errorf("Inspect: %v", err)
	}
	for _, e := range append(info.Holders, info.Queue...) {
		if e.Token == h.Token() {
			w.t.Errorf("token %d is in the store after Unlock", h.Token())
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
