package mutex

import (
	"context"
	"sync/atomic"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/line"
	"github.com/coordkit/coord/primitives/session"
)

// Held is one acquisition of a lock. Its methods, and those of the Hold in it, are safe for concurrent use.
type Held struct {
	*session.Hold
	l     *lock
	place *line.Place

	shared    atomic.Bool // for reading, or perhaps so
	confirmed atomic.Bool // the store knows that it is
}

// Name returns the lock's name.
func (h *Held) Name() string { return h.l.name }

// Key returns the key of this acquisition in the store. It is gone once the lock is.
func (h *Held) Key() kv.Key { return h.place.Key() }

// Lease returns the lease that the acquisition lives under.
func (h *Held) Lease() kv.LeaseId { return h.place.Lease() }

// Shared reports whether the lock is held for reading: by RLock, or after a Downgrade was asked for.
func (h *Held) Shared() bool { return h.shared.Load() }

// Downgrade turns a lock held for writing into one held for reading, without letting go: the readers that stand right behind it
// come in, and no writer before them. Token and contexts stay. There is no way back, for two readers who both wanted to write would
// wait for each other: unlock and lock.
//
// It returns nil once the store has confirmed, at once if the lock is held for reading already; ErrLost or session.ErrReleased
// if it is not held any more; or ctx's error or the store's, and then readers may be in or may come in: take it for held for reading.
func (h *Held) Downgrade(ctx context.Context) error {
	if h.confirmed.Load() {
		return h.Err()
	}
	h.shared.Store(true)
	if err := h.place.Share(ctx); err != nil {
		return &Error{Op: "downgrade", Name: h.l.name, Err: err}
	}
	h.confirmed.Store(true)
	return nil
}

// Unlock gives the lock back: Done and the contexts end first, then the entry is deleted and the next in line goes on. It can
// remove this acquisition only, whoever may hold the lock by now.
//
// It returns nil once the store has confirmed; ErrLost if the lock had been lost before, so that others may have held it meanwhile;
// and kv.ErrUncertain if the store has not confirmed within ctx, and within the shorter of 5 seconds and ValidFor. The removal
// goes on in the background then, until it is done or the lease has run out. A ctx that is over already does not hinder the
// release, so that defer h.Unlock(ctx) is right. A repeat returns the first result.
func (h *Held) Unlock(ctx context.Context) error {
	if err := h.place.LeaveAfter(ctx, h.clean); err != nil {
		return &Error{Op: "unlock", Name: h.l.name, Err: err}
	}
	return nil
}
