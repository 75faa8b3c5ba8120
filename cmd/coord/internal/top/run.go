//go:build unix

package top

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/kv"
)

// Options say what to show, and how.
type Options struct {
	// Name is what to call the store.
	Name string
	// Lease asks the store what is left of a lease, and what it was granted for; zero if that is not told.
	Lease func(ctx context.Context, id kv.LeaseId) (left, granted time.Duration, err error)
	// Columns is how wide a snapshot may be; 0 is no bound.
	Columns int
	// Colour says that colours may be used, ASCII that nothing else may.
	Colour, ASCII bool
}

// Range are the ends of what is shown.
func Range() (start, end kv.Key) { return kv.PrefixRange(root) }

const (
	// drawEvery is the least time between two drawings.
	drawEvery = 50 * time.Millisecond
	// readEvery is how often a store is read that cannot be watched, and how long after its end a watch is begun anew.
	readEvery = time.Second
	// askEvery is how often the store is asked how long an answer takes, and answerWithin how long it may.
	askEvery     = 2 * time.Second
	answerWithin = 3 * time.Second
)

// runner is a view under way. What its goroutines learn they hand to the one that draws.
type runner struct {
	st     kv.Storage
	screen Screen
	o      Options
	v      *view
	news   chan func(now time.Time)
	ids    chan []kv.LeaseId // that are to be asked for
	wg     sync.WaitGroup
}

// Run shows what is on the store, which held these records a moment ago, until somebody quits. It returns the signal that asked for that, if
// it was one; an interrupt is as good as a key. The screen is restored when it returns, and when it panics.
func Run(ctx context.Context, st kv.Storage, records kv.Records, screen Screen, o Options) (unix.Signal, error) {
	r := &runner{st: st, screen: screen, o: o, v: newView(), news: make(chan func(time.Time)), ids: make(chan []kv.LeaseId, 1)}
	ctx, cancel := context.WithCancel(ctx)
	defer r.wg.Wait()
	defer cancel()
	defer screen.Restore()
	r.v.store.name = o.Name
	if o.ASCII {
		r.v.glyphs = asciiGlyphs
	}
	now := time.Now()
	r.v.board.apply(kv.RangeEvent{Reset: true, Puts: records}, now)
	r.v.store.watched(nil, now)
	for _, f := range []func(context.Context){r.watch, r.ask, r.askLeases} {
		r.wg.Go(func() {
			defer r.panicking()
			f(ctx)
		})
	}
	return r.loop(ctx)
}

// panicking restores the screen before a goroutine's panic is printed and ends the program.
func (r *runner) panicking() {
	if p := recover(); p != nil {
		r.screen.Restore()
		panic(p)
	}
}

func (r *runner) loop(ctx context.Context) (unix.Signal, error) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	frame := time.NewTimer(0)
	defer frame.Stop()
	var drawn time.Time
	due := true
	for {
		select {
		case <-ctx.Done():
			return 0, nil
		case <-second.C:
		case f := <-r.news:
			f(time.Now())
		case e := <-r.screen.Events():
			if end, err := r.event(e); end || err != nil {
				return e.Signal, err
			}
		case <-frame.C:
			due = false
			drawn = time.Now()
			if err := r.draw(drawn); err != nil {
				return 0, err
			}
			continue
		}
		if !due {
			due = true
			frame.Reset(max(0, drawEvery-time.Since(drawn)))
		}
	}
}

// event does what the screen tells of.
func (r *runner) event(e Event) (end bool, err error) {
	switch {
	case e.Signal == unix.SIGTSTP:
		return false, r.screen.Suspend(false)
	case e.Signal != 0:
		return true, nil
	case e.Continued:
		return false, r.screen.Resume()
	case e.Resized:
		return false, nil // the next drawing asks
	}
	switch r.v.key(e.Key) {
	case quit:
		return true, nil
	case suspend:
		return false, r.screen.Suspend(true)
	case redraw:
		return false, r.screen.Resume()
	}
	return false, nil
}

func (r *runner) draw(now time.Time) error {
	r.v.columns, r.v.rows = r.screen.Size()
	lines, ids := r.v.draw(now)
	painted := make([]string, len(lines))
	for i, l := range lines {
		painted[i] = l.paint(r.o.Colour)
	}
	r.v.leases.forget(now)
	if len(r.ids) == 0 {
		if due := r.v.leases.due(ids, now); len(due) > 0 {
			r.ids <- due
		}
	}
	return r.screen.Draw(painted)
}

// tell hands f to the one that draws.
func (r *runner) tell(ctx context.Context, f func(now time.Time)) {
	select {
	case r.news <- f:
	case <-ctx.Done():
	}
}

// watch feeds the board, and begins anew when the watch ends: somebody may have been given the right to it meanwhile.
func (r *runner) watch(ctx context.Context) {
	for ctx.Err() == nil {
		err := cmp.Or(r.watchOnce(ctx), errEnded)
		r.tell(ctx, func(now time.Time) { r.v.store.watched(err, now) })
		pause(ctx, readEvery)
	}
}

var errEnded = errors.New("the watch ended")

// watchOnce follows the store's changes; where it cannot be watched it is read again and again.
func (r *runner) watchOnce(ctx context.Context) error {
	start, end := Range()
	take := func(ev kv.RangeEvent) {
		r.tell(ctx, func(now time.Time) {
			r.v.board.apply(ev, now)
			r.v.store.watched(nil, now)
		})
	}
	if w, ok := kv.As[kv.RangeWatcher](r.st); ok {
		for ev, err := range w.WatchRange(ctx, start, end) {
			if err != nil {
				return err
			}
			take(ev)
		}
		return ctx.Err()
	}
	for ; ctx.Err() == nil; pause(ctx, readEvery) {
		bounded, cancel := context.WithTimeout(ctx, answerWithin)
		records, err := r.st.GetRange(bounded, start, end)
		cancel()
		if err != nil {
			return err
		}
		take(kv.RangeEvent{Reset: true, Puts: records})
	}
	return ctx.Err()
}

// ask measures how long an answer of the store takes, and notices that none comes.
func (r *runner) ask(ctx context.Context) {
	for ; ctx.Err() == nil; pause(ctx, askEvery) {
		bounded, cancel := context.WithTimeout(ctx, answerWithin)
		asked := time.Now()
		_, err := r.st.Get(bounded, root)
		took := time.Since(asked)
		cancel()
		if errors.Is(err, kv.ErrNotFound) {
			err = nil
		}
		r.tell(ctx, func(now time.Time) { r.v.store.answered(took, err, now) })
	}
}

// askTogether is how many leases are asked for at the same time.
const askTogether = 8

// askLeases asks for the leases that the one who draws wants to know of.
func (r *runner) askLeases(ctx context.Context) {
	for {
		select {
		case ids := <-r.ids:
			for _, a := range askFor(ctx, r.o.Lease, ids) {
				r.tell(ctx, func(time.Time) { r.v.leases.answer(a.id, a.left, a.granted, a.at) })
			}
		case <-ctx.Done():
			return
		}
	}
}

// answer is what the store says of a lease.
type answer struct {
	id            kv.LeaseId
	left, granted time.Duration
	at            time.Time
}

// askFor asks for some leases. Those that it gets no answer for are left out.
func askFor(ctx context.Context, ask func(context.Context, kv.LeaseId) (left, granted time.Duration, err error), ids []kv.LeaseId) []answer {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	var mu sync.Mutex // guards answers
	var answers []answer
	var wg sync.WaitGroup
	free := make(chan struct{}, askTogether)
	for _, id := range ids {
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			at := time.Now()
			left, granted, err := ask(ctx, id)
			if err != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			answers = append(answers, answer{id, left, granted, at})
		})
	}
	wg.Wait()
	return answers
}

// pause waits for a while, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Snapshot is what these records say, as text, once.
func Snapshot(ctx context.Context, records kv.Records, o Options) string {
	v := newView()
	v.columns, v.once = o.Columns, true
	now := time.Now()
	v.board.apply(kv.RangeEvent{Reset: true, Puts: records}, now)
	for ids := v.leaseIDs(v.all()); ; {
		due := v.leases.due(ids, now)
		if len(due) == 0 {
			break
		}
		for _, a := range askFor(ctx, o.Lease, due) {
			v.leases.answer(a.id, a.left, a.granted, a.at)
		}
	}
	return v.snapshot(time.Now())
}
