package mutex

import (
	"context"

	"github.com/coordkit/coord/primitives/session"
)

// Mutex is a lock by name. All methods are safe for concurrent use, and goroutines of one session exclude each other as those of
// different processes do.
type Mutex struct{ lock }

// New returns the lock called name, held under s. It does no I/O and needs no Close. A name or an option out of bounds (see ValidateName,
// Options) is kv.ErrInvalid from every use.
func New(s *session.Session, name string, opts *Options) *Mutex {
	return &Mutex{newLock(s, name, opts)}
}

// Lock waits until everybody who asked before has gone, and returns the lock held.
//
// If ctx ends first, the error satisfies errors.Is(err, ctx.Err()); and, if the store has said that others were there before, it is
// a *LockedError too. ErrLost means that the session's lease, or this attempt's entry, went while it waited; ask again and
// there will be a new lease. An outage of the store is waited out once the attempt is in the line; before, its error is returned
// (kv.ErrUnavailable), as are kv.ErrInvalid, kv.ErrClosed, and what else the store says. After an error the attempt
// is not in the line: what cannot be removed at once is removed in the background, or goes with the lease.
func (m *Mutex) Lock(ctx context.Context) (*Held, error) { return m.join(ctx, exclusive, false) }

// TryLock returns the lock held if nobody has it and nobody waits for it, and otherwise a *LockedError, which is ErrLocked and tells
// who has it. Other errors are those of Lock.
func (m *Mutex) TryLock(ctx context.Context) (*Held, error) { return m.join(ctx, exclusive, true) }

// Do runs f while it holds the lock. The ctx that f gets ends when ctx does or when the lock is lost, with the loss as its
// cause.
//
// It returns an error of Lock, and f did not run; or f's error, joined with ErrLost if the lock was lost before f returned, for then
// f may not have been alone, or with what kept the lock from being given back. A panic of f goes through after the lock was
// given back.
func (m *Mutex) Do(ctx context.Context, f func(ctx context.Context, h *Held) error) error {
	return do(ctx, f, m.Lock)
}

// TryDo is Do with TryLock: it returns a *LockedError, and does not run f, if the lock is taken.
func (m *Mutex) TryDo(ctx context.Context, f func(ctx context.Context, h *Held) error) error {
	return do(ctx, f, m.TryLock)
}
