package session

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/again"
	"github.com/coordkit/coord/primitives/internal/bridge"
)

// tenure is the time under one lease. It goes one way:
//
//	alive ── lost (margin reached, lease gone, told so) ──┐
//	  └───── ended (session closed) ──────────────────────┴── giving the lease back ── finished
//
// The goroutine of run owns the whole way; it is the only one that releases the lease.
type tenure struct {
	s     *Session
	lease kv.Lease
	over  <-chan struct{} // closed when the lease is known to be over; nil, for ever silent, for a lease that cannot tell

	ctx    context.Context // ends with the tenure; the cause is why
	cancel context.CancelCauseFunc

	back       context.Context // the background work's: ends once the lease is known to be gone
	cancelBack context.CancelFunc
	work       sync.WaitGroup // the background work; never added to once finished

	gone     atomic.Bool   // the store does not have the lease any more, whatever its TTL says
	finished chan struct{} // closed when the lease is gone and the background work has ended

	mu       sync.Mutex
	holds    map[*Hold]struct{} // alive, or lost and not given back yet
	ended    []*Hold            // those that ended with the tenure; written before ctx ends
	idle     chan struct{}      // closed when holds is empty and the tenure is over; made when it ends
	stopped  bool               // no more background work
	value    any                // see Value
	hasValue bool
}

func newTenure(s *Session, lease kv.Lease) *tenure {
	t := &tenure{s: s, lease: lease, finished: make(chan struct{}), idle: make(chan struct{}), holds: map[*Hold]struct{}{}}
	t.ctx, t.cancel = context.WithCancelCause(context.Background())
	t.back, t.cancelBack = context.WithCancel(context.Background())
	if l, ok := lease.(interface{ Done() <-chan struct{} }); ok {
		t.over = l.Done()
	}
	return t
}

// errOver: somebody has ended the lease, or it has run out while this process stood still.
var errOver = fmt.Errorf("%w: lease over", ErrLost)

func (t *tenure) start() { go t.run() }

// alive says whether the tenure stands, and ends it if its time is up: a process that was stopped and goes on may ask before
// the timer has fired.
func (t *tenure) alive() bool {
	if t.ctx.Err() != nil {
		return false
	}
	if t.lease.TTL() > t.s.opts.Margin {
		return true
	}
	select {
	case <-t.over:
		t.end(errOver)
	default:
		t.end(fmt.Errorf("%w: lease not renewed in time", ErrLost))
	}
	return false
}

// validFor is how long the lease still keeps others away, at least zero.
func (t *tenure) validFor() time.Duration {
	if t.gone.Load() {
		return 0
	}
	return max(0, t.lease.TTL())
}

// Lose declares the tenure lost because the store has no such lease.
func (t *tenure) Lose(reason string) {
	t.gone.Store(true)
	t.end(fmt.Errorf("%w: %s", ErrLost, reason))
}

// end ends the tenure and every hold under it with err; the first end counts. The lease is renewed no more from before anybody is told.
// Holds are told in the order of their tokens, and before anything is given back, so nobody else can hold the same before this process could
// have known. The hook is told afterwards, by run: it could keep one hold from hearing of its end in time, and whoever calls end may have a
// lock.
func (t *tenure) end(err error) {
	t.mu.Lock()
	if t.ctx.Err() != nil {
		t.mu.Unlock()
		return
	}
	if l, ok := t.lease.(interface{ StopKeepAlive() }); ok {
		l.StopKeepAlive()
	}
	t.ended = slices.SortedFunc(maps.Keys(t.holds), func(a, b *Hold) int { return cmp.Compare(a.Token(), b.Token()) })
	t.cancel(err)
	if len(t.ended) == 0 {
		close(t.idle)
	}
	t.mu.Unlock()
	for _, h := range t.ended {
		h.finish(err)
	}
}

// run watches the lease until the tenure ends, and then gives it back.
func (t *tenure) run() {
	t.watch()
	t.tellEnd()
	t.letGo()
	t.giveBack()
	t.cancelBack()
	t.mu.Lock()
	t.stopped = true
	t.mu.Unlock()
	t.work.Wait()
	close(t.finished)
}

// watch returns when the tenure is over. Its timer is set to where the lease would be late, or fall to the margin, if it were never
// renewed again; when it fires it looks again, so a renewal costs nothing here.
func (t *tenure) watch() {
	for p := newPulse(t); t.alive(); {
		timer := time.NewTimer(p.feel())
		select {
		case <-timer.C:
		case <-t.over:
			t.gone.Store(true)
			t.end(errOver)
		case <-t.ctx.Done():
		}
		timer.Stop()
	}
}

// letGo waits until nobody works under the lost lease any more: until every hold was given back, or the lease has run
// out. Released earlier, it would let the next holder in while the last one is still stopping.
func (t *tenure) letGo() {
	left := t.validFor()
	if left == 0 || t.s.isClosing() {
		return
	}
	// A lease that cannot stop its renewal is given the time that it had.
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.idle:
	case <-t.s.life.Done():
	}
}

// giveBack releases the lease, again and again until the store says that it is gone. Once the session is closed it
// gives up when the lease has run out: nobody waits for this process's word then.
func (t *tenure) giveBack() {
	for wait := again.New(again.First, 500*time.Millisecond); ; { // jittered: many sessions may have lost the same store
		err := t.lease.Release()
		if errGone(err) || t.s.isClosing() && t.lease.TTL() <= 0 {
			return
		}
		t.s.opts.Logger.Warn("releasing the lease failed", "lease", t.lease.Id(), "err", err)
		time.Sleep(wait.Next())
	}
}

// LeaseID implements bridge.Tenure, as do the methods below.
func (t *tenure) LeaseID() kv.LeaseId { return t.lease.Id() }

func (t *tenure) Context() context.Context { return t.ctx }

func (t *tenure) Hold(spec bridge.HoldSpec) bridge.Hold {
	h := newHold(t, spec)
	if !t.alive() {
		return nil
	}
	t.mu.Lock()
	if t.ctx.Err() != nil {
		t.mu.Unlock()
		return nil
	}
	t.holds[h] = struct{}{}
	t.mu.Unlock()
	return (*inner)(h)
}

// drop forgets a hold that was given back.
func (t *tenure) drop(h *Hold) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, held := t.holds[h]; !held {
		return
	}
	delete(t.holds, h)
	if len(t.holds) == 0 && t.ctx.Err() != nil {
		close(t.idle)
	}
}

func (t *tenure) Go(f func(ctx context.Context)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return // the lease is gone, and with it whatever f would have cleared away
	}
	t.work.Go(func() { f(t.back) })
}

func (t *tenure) Value(make func() any) any {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.hasValue {
		t.value, t.hasValue = make(), true
	}
	return t.value
}
