package mutex

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/line"
	"github.com/coordkit/coord/primitives/internal/names"
	"github.com/coordkit/coord/primitives/session"
)

// Options are the settings of a lock. Nil and zero fields mean the defaults.
type Options struct {
	// Note is shown to operators beside the holder's name; default none. It is stored with each attempt.
	Note string

	// Delay keeps the lock from the next holder for so long when this one does not give it back: when it dies, is cut off or is broken, or
	// its session is closed before Unlock. It is the time in which a late write of a lost holder may still arrive at a resource that
	// does not check tokens. It is counted from when the next one looks. Default none; at most a day; negative is kv.ErrInvalid. It is no
	// substitute for a token that is checked: a pause can be longer.
	//
	// Everybody who uses the lock must set it: a holder without it neither leaves word for the next nor looks for any. It costs a call
	// more to lock (two where the store is no kv.Appender) and one more to unlock, and two more to lock beside others who read.
	Delay time.Duration
}

// maxDelay bounds Options.Delay: it is stored, and a mistake in it locks everybody out.
const maxDelay = 24 * time.Hour

// ValidateName returns nil for a name that a lock can have: 1 to 255 bytes of valid UTF-8 without control characters. Otherwise
// it returns an error that is kv.ErrInvalid and says what is wrong.
func ValidateName(name string) error { return names.Validate("lock", name) }

// lock is what Mutex and RWMutex are made of.
type lock struct {
	s    *session.Session
	name string
	opts Options
	err  error // name or options are out of bounds; every use returns it
}

func newLock(s *session.Session, name string, opts *Options) lock {
	l := lock{s: s, name: name, err: ValidateName(name)}
	if opts != nil {
		l.opts = *opts
	}
	if d := l.opts.Delay; l.err == nil && (d < 0 || d > maxDelay) {
		l.err = fmt.Errorf("%w: lock delay %v, want 0 to %v", kv.ErrInvalid, d, maxDelay)
	}
	return l
}

// Name returns the lock's name.
func (l *lock) Name() string { return l.name }

// mode is how a lock is taken.
type mode int

const (
	exclusive mode = iota
	shared
)

func (l *lock) join(ctx context.Context, m mode, try bool) (*Held, error) {
	if l.err != nil {
		return nil, l.opError(l.err)
	}
	cfg := line.Config{
		Primitive: "mutex", Name: l.name, Root: root(l.name), Side: writeSide, Rule: line.ReadWrite{},
		Note: l.opts.Note, Try: try, Fail: failed,
	}
	if m == shared {
		cfg.Side, cfg.Rivals, cfg.Shared = readSide, cfg.Root+writeSide, true
	}
	p, err := line.Join(ctx, l.s, cfg)
	if err != nil {
		return nil, err
	}
	h := &Held{Hold: p.Hold, l: l, place: p}
	h.shared.Store(m == shared)
	h.confirmed.Store(m == shared)
	if l.opts.Delay > 0 {
		if err := h.waitOut(ctx, try); err != nil {
			return nil, l.opError(err)
		}
	}
	return h, nil
}

// failed is the error of a lock that was not got.
func failed(c *line.Config, err error) error {
	var occupied *line.OccupiedError
	if errors.As(err, &occupied) {
		return newLockedError(c.Name, occupied)
	}
	return &Error{Op: "lock", Name: c.Name, Err: err}
}

func (l *lock) opError(err error) error { return &Error{Op: "lock", Name: l.name, Err: err} }

// do runs f under a lock.
func do(ctx context.Context, f func(context.Context, *Held) error, lock func(context.Context) (*Held, error)) (err error) {
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
