package semaphore

import (
	"context"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/line"
	"github.com/coordkit/coord/primitives/session"
)

// Permit is one acquisition of a semaphore. Its methods, and those of the Hold in it, are safe for concurrent use.
//
// Its token is greater than that of everybody who was let in before this one was asked for, and does not fence: they may hold
// still. Two that one release lets in may learn of it in either order.
type Permit struct {
	*session.Hold
	name   string
	weight int64
	place  *line.Place
}

// Name returns the semaphore's name.
func (p *Permit) Name() string { return p.name }

// Weight returns how many units it is for.
func (p *Permit) Weight() int64 { return p.weight }

// Key returns the key of this acquisition in the store. It is gone once the permit is.
func (p *Permit) Key() kv.Key { return p.place.Key() }

// Lease returns the lease that the acquisition lives under.
func (p *Permit) Lease() kv.LeaseId { return p.place.Lease() }

// Release gives all units back: Done and the contexts end first, then the entry is deleted, and who can go now goes on. It can remove
// this acquisition only.
//
// It returns nil once the store has confirmed; ErrLost if the permit had been lost before, so that others may have held the units
// meanwhile; and kv.ErrUncertain if the store has not confirmed within ctx, and within the shorter of 5 seconds and ValidFor. The
// removal goes on in the background then, until it is done or the lease has run out. A ctx that is over already does not hinder the
// release, so that defer p.Release(ctx) is right. A repeat returns the first result.
func (p *Permit) Release(ctx context.Context) error {
	if err := p.place.Leave(ctx); err != nil {
		return &Error{Op: "release", Name: p.name, Err: err}
	}
	return nil
}
