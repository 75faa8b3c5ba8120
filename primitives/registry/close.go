package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/coordkit/coord/kv"
)

// closeTimeout bounds a farewell when the caller's ctx cannot, because it is over already.
const closeTimeout = 5 * time.Second

// Close says farewell: readers drop the instance at once, and so does one that reads for the first time while the record is still
// there. It is not deleted, but runs out with its lease, which is renewed no more. What was under way is given up, and nothing of
// it comes back afterwards.
//
// It returns nil once the store has the farewell, or if there is nothing to say farewell for; and kv.ErrClosed if the storage was
// closed before. ctx bounds the wait only, and if it is over already 5 seconds do: then the error satisfies kv.ErrUncertain, and
// the farewell is tried in the background until the lease has run out. A repeat returns the first result.
func (g *Registration) Close(ctx context.Context) error {
	err := kv.ValidateContext(ctx)
	if err == nil {
		err = g.close(ctx)
	}
	return g.opError("close", err)
}

func (g *Registration) close(ctx context.Context) error {
	if ctx.Err() != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
	}
	g.mu.Lock()
	first := g.closed == nil
	if first {
		g.closed = make(chan struct{})
	}
	switch {
	case g.closing:
	case g.phase == Joining:
		g.withdrawLocked(kv.ErrClosed)
	default:
		g.closing = true
		g.die()
		g.tellLocked()
	}
	closed := g.closed
	g.mu.Unlock()
	if first {
		defer close(closed)
		g.closeErr = g.awaitFarewell(ctx)
		return g.closeErr
	}
	select {
	case <-closed:
		return g.closeErr
	case <-ctx.Done():
		return uncertainFarewell(ctx.Err())
	}
}

// awaitFarewell returns when the goroutine has ended, or what is known of the farewell when ctx ends.
func (g *Registration) awaitFarewell(ctx context.Context) error {
	select {
	case <-g.done:
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.settled {
		return uncertainFarewell(ctx.Err())
	}
	return g.result
}

func uncertainFarewell(why error) error { return fmt.Errorf("farewell: %w: %w", kv.ErrUncertain, why) }
