package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/coordkit/coord/kv"
)

// Update changes the instance: edit gets it as it is to be until now, in a copy of its own, and what it leaves there is written.
// Updates of one registration wait for each other, so edit must not call another.
//
// It returns nil once the store has the change. kv.ErrInvalid (the service and the ID cannot be changed), kv.ErrTooLarge and
// kv.ErrClosed mean that nothing was changed; if the registration is closed while the change waits to be written, the error is
// kv.ErrUncertain, too: the farewell came first, or it was written before. If ctx ends while the change waits to be written, the error satisfies ctx.Err() and
// says so: the change stands then, and is written when the store can be reached.
func (g *Registration) Update(ctx context.Context, edit func(i *Instance)) error {
	return g.opError("update", g.update(ctx, edit))
}

// SetStatus is an Update of the status. Where a [Check] decides, Starting, Serving and NotServing are the same: the instance is
// what the check finds.
func (g *Registration) SetStatus(ctx context.Context, status Status) error {
	return g.opError("update", g.setStatus(ctx, status))
}

// Drain makes the instance Draining, and then waits as long as it is told to, so that clients turn elsewhere and work comes to
// its end. Close what is to be closed afterwards. It returns nil after the whole wait; an error of Update's; and if the wait is
// cut short, ctx.Err() or kv.ErrClosed: the instance is Draining all the same.
func (g *Registration) Drain(ctx context.Context, wait time.Duration) error {
	return g.opError("drain", g.drain(ctx, wait))
}

func (g *Registration) setStatus(ctx context.Context, status Status) error {
	if err := status.validate(); err != nil { // empty is none, here
		return fmt.Errorf("%w: %w", kv.ErrInvalid, err)
	}
	return g.update(ctx, func(i *Instance) { i.Status = status })
}

func (g *Registration) drain(ctx context.Context, wait time.Duration) error {
	if wait < 0 {
		return fmt.Errorf("%w: a wait of %v", kv.ErrInvalid, wait)
	}
	if err := g.setStatus(ctx, Draining); err != nil {
		return err
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-g.life.Done():
		return kv.ErrClosed
	}
}

func (g *Registration) update(ctx context.Context, edit func(*Instance)) error {
	if err := kv.ValidateContext(ctx); err != nil {
		return err
	}
	if edit == nil {
		return fmt.Errorf("%w: no function to edit with", kv.ErrInvalid)
	}
	gen, err := g.change(ctx, edit)
	if err != nil {
		return err
	}
	return g.awaitWritten(ctx, gen)
}

// change changes what is wanted, and returns its number.
func (g *Registration) change(ctx context.Context, edit func(*Instance)) (uint64, error) {
	switch {
	case g.life.Err() != nil:
		return 0, kv.ErrClosed
	case ctx.Err() != nil:
		return 0, ctx.Err()
	}
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-g.life.Done():
		return 0, kv.ErrClosed
	}
	g.mu.Lock()
	next := g.wanted.Clone()
	g.mu.Unlock()
	edit(&next)
	next = next.Clone() // edit may have kept what it put there
	next.complete()
	if next.Service != g.service || next.ID != g.id {
		return 0, fmt.Errorf("%w: instance %q of service %q cannot become %q of %q",
			kv.ErrInvalid, g.id, g.service, next.ID, next.Service)
	}
	if err := next.validate(); err != nil {
		return 0, err
	}
	if err := g.fits(next); err != nil {
		return 0, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closing {
		return 0, kv.ErrClosed
	}
	g.wanted = next
	return g.newsLocked(), nil
}

// newsLocked tells the goroutine that there is something to write, and returns its number.
func (g *Registration) newsLocked() uint64 {
	g.gen++
	g.tellLocked()
	select {
	case g.poke <- struct{}{}:
	default:
	}
	return g.gen
}

// awaitWritten returns when the change numbered gen, or one after it, is in the store.
func (g *Registration) awaitWritten(ctx context.Context, gen uint64) error {
	for {
		g.mu.Lock()
		written, closing, fault, changed := g.written, g.closing, g.fault, g.changed
		g.mu.Unlock()
		switch {
		case written >= gen:
			return nil
		case closing:
			return fmt.Errorf("%w: the farewell may have come before the change: %w", kv.ErrUncertain, kv.ErrClosed)
		case ctx.Err() != nil && fault != nil:
			return fmt.Errorf("the change stands and is written later: %w: %w", ctx.Err(), fault)
		case ctx.Err() != nil:
			return fmt.Errorf("the change stands and is written later: %w", ctx.Err())
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}
