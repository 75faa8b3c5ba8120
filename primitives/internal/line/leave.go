package line

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/again"
	"github.com/coordkit/coord/primitives/session"
)

const (
	// leaveTimeout bounds how long Leave waits for the store.
	leaveTimeout = 5 * time.Second
	// lateFor is how long after an uncertain create its key may still appear and is deleted again: etcd has been seen to
	// apply a write of a paused member long after its client had given up and a later delete was confirmed.
	lateFor = 10 * time.Minute
)

// Place is a place at the head of a line.
type Place struct {
	*session.Hold
	a    *attempt
	took time.Duration // since it was asked for

	once sync.Once
	err  error // Leave's result
}

// Key is the entry's key.
func (p *Place) Key() kv.Key { return p.a.key }

// Lost ends the hold: somebody has learned that the place is another's. An entry that is there still is removed in the background.
func (p *Place) Lost(reason string) {
	p.a.lose(reason)
	p.a.t.Go(p.a.clear)
}

// Storage is the store that the line is in.
func (p *Place) Storage() kv.Storage { return p.a.st }

// Lease is the lease that the entry lives under.
func (p *Place) Lease() kv.LeaseId { return p.a.t.LeaseID() }

// Leave gives the place up. The hold ends first, then the entry is deleted.
//
// It returns nil once the store has confirmed; session.ErrLost if the place had been lost before; and kv.ErrUncertain, with ctx's
// error if that was the reason, if the store has not confirmed within ctx and within the shorter of 5 seconds and ValidFor:
// then the removal goes on in the background until it is done or the lease is over. A ctx that is over
// already is replaced by 5 seconds. A repeat returns the first result, and waits for it.
func (p *Place) Leave(ctx context.Context) error {
	return p.LeaveAfter(ctx, func(context.Context) {})
}

// LeaveAfter is Leave, and calls f after the hold has ended and before the entry is deleted, unless the place had been lost. The ctx of f
// is over at the latest when Leave returns.
func (p *Place) LeaveAfter(ctx context.Context, f func(context.Context)) error {
	if err := kv.ValidateContext(ctx); err != nil {
		return err
	}
	p.once.Do(func() { p.err = p.leave(ctx, f) })
	return p.err
}

func (p *Place) leave(ctx context.Context, f func(context.Context)) error {
	a := p.a
	bound := min(leaveTimeout, p.ValidFor())
	err := a.hold.Release()
	a.mu.Lock()
	a.endLocked(session.ErrReleased)
	a.mu.Unlock()
	if err != nil {
		// Lost before: the key is gone, or goes with the lease that is not renewed any more.
		a.finish()
		return err
	}
	if a.sessionClosed() {
		return nil // which takes the entry away with all others
	}
	if ctx.Err() != nil {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	f(ctx)
	return a.remove(ctx)
}

// Abandon gives up a place that nobody has worked under, and returns at once: the hold ends, and in the background f is called and the
// entry deleted, or it goes with the lease. It does nothing after Leave, and Leave does nothing after it.
func (p *Place) Abandon(f func(context.Context)) {
	p.once.Do(func() {
		a := p.a
		p.err = a.hold.Release()
		a.mu.Lock()
		a.endLocked(session.ErrReleased)
		a.mu.Unlock()
		a.t.Go(func(ctx context.Context) {
			bounded, cancel := context.WithTimeout(ctx, leaveTimeout)
			f(bounded)
			cancel()
			a.clear(ctx)
		})
	})
}

// remove deletes the entry, in the caller's goroutine, and goes on in the background if it cannot.
func (a *attempt) remove(ctx context.Context) error {
	err := a.st.Delete(ctx, a.key)
	switch {
	case err == nil && !a.dirty && elapsed(a.born) < reuseWithin:
		a.ids.giveBack(a.id)
		return nil
	case err == nil:
		a.finish()
		return nil
	case errors.Is(err, kv.ErrNotFound):
		// No other try of ours was before this one, so somebody else has deleted it while it was held; or it was never there.
		a.finish()
		return lost("key gone before it was released")
	}
	// Unknown, or not done: from here on absence means that it is done.
	done := make(chan error, 1)
	a.t.Go(func(back context.Context) { a.clearThen(back, done) })
	over := a.t.Context().Done()
	for {
		select {
		case err := <-done:
			return err
		case <-over:
			if a.sessionClosed() {
				return nil // Close tells what became of it
			}
			over = nil // the lease was lost, which the store need not know yet
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", kv.ErrUncertain, err)
		}
	}
}

// finish ends an attempt whose key is gone: for good, unless a create of it may still land.
func (a *attempt) finish() {
	if a.dirty {
		a.t.Go(a.clear)
		return
	}
	a.ids.retire(a.id)
}

// sessionClosed reports whether the tenure is over because its session was closed.
func (a *attempt) sessionClosed() bool {
	return errors.Is(context.Cause(a.t.Context()), session.ErrReleased)
}

// clear removes the entry for good: until the store has confirmed that it is gone, and, if a create of it may still land, for
// lateFor after that. It ends with ctx, when the lease and with it the entry is gone.
func (a *attempt) clear(ctx context.Context) { a.clearThen(ctx, make(chan error, 1)) }

// clearThen is clear; it sends nil to done when the entry is gone for the first time, or an error that is kv.ErrUncertain if the storage
// was closed before.
func (a *attempt) clearThen(ctx context.Context, done chan<- error) {
	defer a.ids.retire(a.id)
	err := deleteUntilGone(ctx, a.st, a.key)
	switch {
	case err == nil, ctx.Err() != nil: // then the lease is gone, and the entry with it
		done <- nil
	default:
		done <- fmt.Errorf("%w: %w", kv.ErrUncertain, err)
	}
	if err != nil || !a.dirty {
		return
	}
	until := time.Now().Add(lateFor)
	for wait := 50 * time.Millisecond; time.Now().Before(until); wait = min(2*wait, 30*time.Second) {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		if deleteUntilGone(ctx, a.st, a.key) != nil {
			return
		}
	}
	a.ids.doubt.Store(true)
}

// deleteUntilGone deletes key, again and again until the store says that it is gone, and returns nil then; or, if ctx ends or
// the store refuses for good, an error.
func deleteUntilGone(ctx context.Context, st kv.Storage, key kv.Key) error {
	retry := again.New(again.First, again.Most)
	for {
		try, cancel := context.WithTimeout(ctx, leaveTimeout)
		err := st.Delete(try, key)
		cancel()
		switch {
		case err == nil, errors.Is(err, kv.ErrNotFound):
			return nil
		case ctx.Err() != nil, errors.Is(err, kv.ErrClosed):
			return err
		}
		if err := retry.Wait(ctx); err != nil {
			return err
		}
	}
}
