package mutex

import (
	"context"
	"errors"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/line"
	"github.com/coordkit/coord/primitives/internal/names"
	"github.com/coordkit/coord/primitives/session"
)

// Options are the settings of a mutex. Nil and zero fields mean the defaults.
type Options struct {
	// Note is shown to operators beside the holder's name; default none. It is stored with each attempt.
	Note string
}

// Mutex is a lock by name. All methods are safe for concurrent use, and goroutines of one session exclude each other as those of
// different processes do.
type Mutex struct {
	s    *session.Session
	name string
	opts Options
	err  error // the name is out of bounds; every use returns it
}

// New returns the lock called name, held under s. It does no I/O and needs no Close. A name out of bounds (see ValidateName) is
// kv.ErrInvalid from every use.
func New(s *session.Session, name string, opts *Options) *Mutex {
	m := &Mutex{s: s, name: name, err: ValidateName(name)}
	if opts != nil {
		m.opts = *opts
	}
	return m
}

// ValidateName returns nil for a name that a lock can have: 1 to 255 bytes of valid UTF-8 without control characters. Otherwise
// it returns an error that is kv.ErrInvalid and says what is wrong.
func ValidateName(name string) error { return names.Validate("lock", name) }

// Lock waits until everybody who asked before has gone, and returns the lock held.
//
// If ctx ends first, the error satisfies errors.Is(err, ctx.Err()); and, if the store has said that others were there before, it is
// a *LockedError too. ErrLost means that the session's lease, or this attempt's entry, went while it waited; ask again and
// there will be a new lease. An outage of the store is waited out once the attempt is in the line; before, its error is returned
// (kv.ErrUnavailable), as are kv.ErrInvalid, kv.ErrClosed, and what else the store says. After an error the attempt
// is not in the line: what cannot be removed at once is removed in the background, or goes with the lease.
func (m *Mutex) Lock(ctx context.Context) (*Held, error) { return m.join(ctx, false) }

// TryLock returns the lock held if nobody has it and nobody waits for it, and otherwise a *LockedError, which is ErrLocked and tells
// who has it. Other errors are those of Lock.
func (m *Mutex) TryLock(ctx context.Context) (*Held, error) { return m.join(ctx, true) }

// Do runs f while it holds the lock. The ctx that f gets ends when ctx does or when the lock is lost, with the loss as its
// cause.
//
// It returns an error of Lock, and f did not run; or f's error, joined with ErrLost if the lock was lost before f returned, for then
// f may not have been alone, or with what kept the lock from being given back. A panic of f goes through after the lock was
// given back.
func (m *Mutex) Do(ctx context.Context, f func(ctx context.Context, h *Held) error) error {
	return m.do(ctx, f, m.Lock)
}

// TryDo is Do with TryLock: it returns a *LockedError, and does not run f, if the lock is taken.
func (m *Mutex) TryDo(ctx context.Context, f func(ctx context.Context, h *Held) error) error {
	return m.do(ctx, f, m.TryLock)
}

func (m *Mutex) do(ctx context.Context, f func(context.Context, *Held) error, lock func(context.Context) (*Held, error)) (err error) {
	h, err := lock(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if lost := h.Unlock(ctx); lost != nil {
			err = errors.Join(err, lost)
		}
	}()
	return f(h.Context(ctx), h)
}

func (m *Mutex) join(ctx context.Context, try bool) (*Held, error) {
	if m.err != nil {
		return nil, m.opError(m.err)
	}
	p, err := line.Join(ctx, m.s, line.Config{
		Primitive: "mutex", Name: m.name, Root: root(m.name), Side: writeSide, Note: m.opts.Note, Try: try,
	})
	if err != nil {
		var occupied *line.OccupiedError
		if errors.As(err, &occupied) {
			return nil, newLockedError(m.name, occupied)
		}
		return nil, m.opError(err)
	}
	return &Held{Hold: p.Hold, m: m, place: p}, nil
}

func (m *Mutex) opError(err error) error { return &Error{Op: "lock", Name: m.name, Err: err} }

// Held is one acquisition of a lock. Its methods, and those of the Hold in it, are safe for concurrent use.
type Held struct {
	*session.Hold
	m     *Mutex
	place *line.Place
}

// Name returns the lock's name.
func (h *Held) Name() string { return h.m.name }

// Key returns the key of this acquisition in the store. It is gone once the lock is.
func (h *Held) Key() kv.Key { return h.place.Key() }

// Lease returns the lease that the acquisition lives under.
func (h *Held) Lease() kv.LeaseId { return h.place.Lease() }

// Unlock gives the lock back: Done and the contexts end first, then the entry is deleted and the next in line goes on. It can
// remove this acquisition only, whoever may hold the lock by now.
//
// It returns nil once the store has confirmed; ErrLost if the lock had been lost before, so that others may have held it meanwhile;
// and kv.ErrUncertain if the store has not confirmed within ctx, and within the shorter of 5 seconds and ValidFor. The removal
// goes on in the background then, until it is done or the lease has run out. A ctx that is over already does not hinder the
// release, so that defer h.Unlock(ctx) is right. A repeat returns the first result.
func (h *Held) Unlock(ctx context.Context) error {
	if err := h.place.Leave(ctx); err != nil {
		return &Error{Op: "unlock", Name: h.m.name, Err: err}
	}
	return nil
}
