package semaphore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/bridge"
	"github.com/coordkit/coord/primitives/internal/line"
	"github.com/coordkit/coord/primitives/internal/names"
	"github.com/coordkit/coord/primitives/session"
)

// Options are the settings of a semaphore. Nil and zero fields mean the defaults.
type Options struct {
	// Note is shown to operators beside the holder's name; default none. It is stored with each attempt.
	Note string

	// Follow goes by the stored limit, whatever it is, also when it is changed: New's limit is only what the first to come stores. Use
	// it where the limit is an operator's, and for a limit that changes while several versions of a program run.
	Follow bool
}

// ValidateName returns nil for a name that a semaphore can have: 1 to 255 bytes of valid UTF-8 without control characters. Otherwise it
// returns an error that is kv.ErrInvalid and says what is wrong.
func ValidateName(name string) error { return names.Validate("semaphore", name) }

// Semaphore is a number of units by name. All methods are safe for concurrent use, and goroutines of one session share the
// limit as those of different processes do.
type Semaphore struct {
	s    *session.Session
	name string
	opts Options
	err  error // name or limit are out of bounds; every use returns it

	want atomic.Int64 // the limit that was given to New, or to the last SetLimit that succeeded
	next atomic.Int64 // the one given to the last SetLimit: it may be stored by now
}

// New returns the semaphore called name, of which limit can be in use at a time, for holders under s. It does no I/O and needs no Close.
// A name out of bounds (see ValidateName) and a limit that is not positive are kv.ErrInvalid from every use.
//
// The first use of a name stores the limit. Where it is stored already and is another one, an Acquire returns a *LimitError, unless
// Options.Follow is set.
func New(s *session.Session, name string, limit int64, opts *Options) *Semaphore {
	sem := &Semaphore{s: s, name: name, err: ValidateName(name)}
	if opts != nil {
		sem.opts = *opts
	}
	if sem.err == nil && limit <= 0 {
		sem.err = fmt.Errorf("%w: semaphore limit %d is not positive", kv.ErrInvalid, limit)
	}
	sem.want.Store(limit)
	sem.next.Store(limit)
	return sem
}

// Name returns the semaphore's name.
func (s *Semaphore) Name() string { return s.name }

// Acquire waits until everybody who asked before has gone or was let in, and n units are left beside what they hold, and returns
// them held.
//
// If ctx ends first, the error satisfies errors.Is(err, ctx.Err()); and, if the store has said that others were there before, it is a
// *FullError too. A *LimitError says that the stored limit is not the Semaphore's, or is less than n, which a limit that was lowered may be
// said of while it waits, at the latest when its turn comes. ErrLost means that the session's lease, or this attempt's entry, went while
// it waited; ask again and there will be a new lease. An n that is not positive or is greater than the limit is kv.ErrInvalid.
// An outage of the store is waited out once the attempt is in the line; before, its error is returned (kv.ErrUnavailable), as are
// kv.ErrClosed, and what else the store says. After an error the attempt is not in the line: what cannot be removed at once
// is removed in the background, or goes with the lease.
func (s *Semaphore) Acquire(ctx context.Context, n int64) (*Permit, error) {
	return s.acquire(ctx, n, false)
}

// TryAcquire returns n units held if they are left and nobody waits, and otherwise a *FullError, which is ErrFull and tells who has
// what. Other errors are those of Acquire.
func (s *Semaphore) TryAcquire(ctx context.Context, n int64) (*Permit, error) {
	return s.acquire(ctx, n, true)
}

// Do runs f while it holds n units. The ctx that f gets ends when ctx does or when the permit is lost, with the loss as its cause.
//
// It returns an error of Acquire, and f did not run; or f's error, joined with ErrLost if the permit was lost before f returned, for then
// others may have held the units meanwhile, or with what kept it from being given back. A panic of f goes through after the permit was
// given back.
func (s *Semaphore) Do(ctx context.Context, n int64, f func(ctx context.Context, p *Permit) error) (err error) {
	p, err := s.Acquire(ctx, n)
	if err != nil {
		return err
	}
	defer func() {
		if lost := p.Release(ctx); lost != nil {
			err = errors.Join(err, lost)
		}
	}()
	return f(p.Context(ctx), p)
}

// SetLimit changes how much there is, for everybody, and returns nil once it is stored. This Semaphore goes by it from then on; others,
// here and elsewhere, that were made with another limit and without Options.Follow get a *LimitError from their next Acquire, and from one
// that has just begun and has not seen the old limit any more. Those who wait already wait on under the new limit: a higher one lets in who
// fits, and a lower one takes nothing away from those who hold, and ends the wait of who asked for more than it with a *LimitError.
//
// A limit that is not positive is kv.ErrInvalid. It replaces a stored limit that cannot be read. A write whose answer is lost is repeated;
// after kv.ErrUncertain, also when ctx ended, the limit may be the old one or the new one, and this Semaphore goes by either. Other errors
// are the store's. The session grants no lease for it.
func (s *Semaphore) SetLimit(ctx context.Context, limit int64) error {
	fail := func(err error) error { return &Error{Op: "set limit", Name: s.name, Err: err} }
	if s.err != nil {
		return fail(s.err)
	}
	if limit <= 0 {
		return fail(fmt.Errorf("%w: semaphore limit %d is not positive", kv.ErrInvalid, limit))
	}
	in := bridge.Inside(s.s)
	if in == nil {
		return fail(fmt.Errorf("%w: nil session", kv.ErrInvalid))
	}
	s.next.Store(limit)
	if err := setLimit(ctx, in.Storage(), s.name, limit); err != nil {
		return fail(err)
	}
	s.want.Store(limit)
	return nil
}

func (s *Semaphore) acquire(ctx context.Context, n int64, try bool) (*Permit, error) {
	if err := s.validate(n); err != nil {
		return nil, failed(&line.Config{Name: s.name, Weight: n}, err)
	}
	all, r := root(s.name), s.newRule()
	p, err := line.Join(ctx, s.s, line.Config{
		Primitive: "semaphore", Name: s.name,
		Root: queue(s.name), Rivals: all, Around: all, Aside: limitKey(s.name),
		Rule: r, Weight: n, Marks: true, Note: s.opts.Note, Try: try, Again: r.limitOnceMore, Fail: failed,
	})
	if err != nil {
		return nil, err
	}
	return &Permit{Hold: p.Hold, name: s.name, weight: n, place: p}, nil
}

// validate returns why n cannot be asked for.
func (s *Semaphore) validate(n int64) error {
	most := max(s.want.Load(), s.next.Load())
	switch {
	case s.err != nil:
		return s.err
	case n <= 0:
		return fmt.Errorf("%w: %d units are not positive", kv.ErrInvalid, n)
	case n > most && !s.opts.Follow:
		return fmt.Errorf("%w: %d units of a limit of %d", kv.ErrInvalid, n, most)
	}
	return nil
}

// failed is the error of units that were not got.
func failed(c *line.Config, err error) error {
	var occupied *line.OccupiedError
	if errors.As(err, &occupied) {
		return newFullError(c.Name, c.Weight, occupied)
	}
	var other *LimitError
	if errors.As(err, &other) {
		return other
	}
	return &Error{Op: "acquire", Name: c.Name, Err: err}
}
