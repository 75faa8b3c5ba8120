package election

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/line"
	"github.com/coordkit/coord/primitives/internal/names"
	"github.com/coordkit/coord/primitives/session"
)

// MaxValueLen is the length of the longest value that a leader may proclaim, in bytes: the record holds more than it.
const MaxValueLen = kv.MaxValueLen / 4

// Options are the settings of a candidate. Nil and zero fields mean the defaults.
type Options struct {
	// ID is the name under which the candidate stands: 1 to 255 bytes of valid UTF-8 without control characters. Default: the name of
	// the session's owner, which is host and process. Two candidates of one ID are two candidates.
	ID string
	// Value is what the leader proclaims as its term begins: an address, say. At most MaxValueLen bytes; default none.
	Value []byte
	// Priority puts the candidate before all those of lower priority, but takes nothing away from who leads already. Default 0.
	Priority int
	// Note is shown to operators beside the candidate's name; default none. It is stored with each attempt.
	Note string
	// Logger gets what Run has no caller for: errors of the store while it campaigns, and what lead returned after a loss. Nil is silent.
	Logger *slog.Logger
}

// Election is a candidate for the leadership called name. All methods are safe for concurrent use, and campaigns of one Election exclude
// each other as those of different processes do.
type Election struct {
	s    *session.Session
	name string
	opts Options
	err  error // name or options are out of bounds; every use returns it

	mu     sync.Mutex
	health // what Healthy tells of
}

// New returns a candidate for the leadership called name, which it holds under s. It does no I/O and needs no Close. A name or an option
// out of bounds is kv.ErrInvalid from every use.
func New(s *session.Session, name string, opts *Options) *Election {
	e := &Election{s: s, name: name}
	if opts != nil {
		e.opts = *opts
		e.opts.Value = bytes.Clone(opts.Value)
	}
	if e.opts.ID == "" && s != nil {
		e.opts.ID = s.Owner().Name
	}
	if e.opts.Logger == nil {
		e.opts.Logger = slog.New(slog.DiscardHandler)
	}
	e.err = e.validate()
	return e
}

// ValidateName returns nil for a name that an election can have: 1 to 255 bytes of valid UTF-8 without control characters. Otherwise
// it returns an error that is kv.ErrInvalid and says what is wrong.
func ValidateName(name string) error { return names.Validate("election", name) }

func (e *Election) validate() error {
	if e.s == nil {
		return fmt.Errorf("%w: election without a session", kv.ErrInvalid)
	}
	if err := ValidateName(e.name); err != nil {
		return err
	}
	if err := names.Validate("candidate", e.opts.ID); err != nil {
		return err
	}
	return validateValue(e.opts.Value)
}

func validateValue(v []byte) error {
	if len(v) > MaxValueLen {
		return fmt.Errorf("%w: value of %d bytes, at most %d", kv.ErrTooLarge, len(v), MaxValueLen)
	}
	return nil
}

// Name returns the election's name.
func (e *Election) Name() string { return e.name }

// ID returns the name under which the candidate stands.
func (e *Election) ID() string { return e.opts.ID }

// Campaign stands for election and returns when this candidate leads.
//
// If ctx ends first, the error satisfies errors.Is(err, ctx.Err()). ErrLost means that the session's lease, or this candidate's entry,
// went while it waited; ask again and there will be a new lease. A *RecordError means that the term record cannot be read, and
// nobody can be elected. An outage of the store is waited out once the candidate is in the line; before, its error is returned
// (kv.ErrUnavailable), as are kv.ErrInvalid, kv.ErrClosed, and what else the store says. After an error the candidate does not
// stand any more: what cannot be removed at once is removed in the background, or goes with the lease.
func (e *Election) Campaign(ctx context.Context) (*Term, error) {
	if e.err != nil {
		return nil, e.opError("campaign", e.err)
	}
	t := &Term{e: e, order: &order{queued: e.queued}, turn: make(chan struct{}, 1)}
	p, err := line.Join(ctx, e.s, line.Config{
		Primitive: "election", Name: e.name, Root: root(e.name) + candidates, Rivals: root(e.name), Around: root(e.name),
		Aside: termKey(e.name), Rule: t.order, ID: e.opts.ID, Priority: e.opts.Priority,
		Note: e.opts.Note, Seal: t.seal, Fail: t.failed,
	})
	if err != nil {
		return nil, err
	}
	t.Hold, t.place = p.Hold, p
	return t, nil
}

// failed is the error of a campaign that came to nothing.
func (t *Term) failed(_ *line.Config, err error) error { return t.e.opError("campaign", err) }

func (e *Election) opError(op string, err error) error {
	var occupied *line.OccupiedError
	if errors.As(err, &occupied) && occupied.Err != nil {
		err = fmt.Errorf("waiting to be elected: %w", occupied.Err)
	}
	return &Error{Op: op, Name: e.name, Err: err}
}
