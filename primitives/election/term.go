package election

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/again"
	"github.com/coordkit/coord/primitives/internal/line"
	"github.com/coordkit/coord/primitives/session"
)

// Term is a time of leadership. It ends once: with a Resign, or with a loss, of which its Done and contexts tell. All methods are safe
// for concurrent use.
type Term struct {
	*session.Hold
	e     *Election
	order *order
	place *line.Place

	number int64
	given  atomic.Bool // back, by its owner

	turn    chan struct{} // holds one while a call has the fields below
	record  term          // what the store has, as far as is known
	version kv.Version    // of the record
}

// Number returns the term's number: one more than the last's, from 1. It is for people; fence with Token.
func (t *Term) Number() int64 { return t.number }

// ID returns the leader's ID.
func (t *Term) ID() string { return t.e.opts.ID }

// Key returns the key of the leader's entry in the store. It is gone once the term is over.
func (t *Term) Key() kv.Key { return t.place.Key() }

// Lease returns the lease that the leadership lives under.
func (t *Term) Lease() kv.LeaseId { return t.place.Lease() }

// seal writes the record of the new term over that of the last one, as it was in s. The version of that write is the term's token; that of
// its entry would not do, for a leader may have joined before the last one did. It returns line.ErrAgain if somebody else wrote first.
func (t *Term) seal(ctx context.Context, st kv.Storage, s line.Sight) (kv.Version, error) {
	last, err := t.order.term(s.Aside)
	if err != nil {
		return 0, err
	}
	owner := t.e.s.Owner()
	next := term{
		Number: last.Number + 1, Key: s.Own.Key, Entry: s.Own.Token, Leader: t.e.opts.ID, Since: time.Now().UTC(),
		Owner: owner.Name, Host: owner.Host, PID: owner.PID, Program: owner.Program, stored: last.stored,
	}
	next.setValue(t.e.opts.Value)
	v, err := write(ctx, st, termKey(t.e.name), s.Aside.Version, next)
	if errors.Is(err, errOther) {
		return 0, line.ErrAgain
	}
	if err != nil {
		return 0, err
	}
	next.Token = v
	t.number, t.record, t.version = next.Number, next, v
	return v, nil
}

// errOther: the record is not what it was any more, and not what was to be written.
var errOther = errors.New("the term record was written by somebody else")

// write puts the term in the place of the record at version v, or creates it if v is zero. A write whose answer is lost is found out by reading:
// nobody else writes the same, for it has the writer's own entry.
func write(ctx context.Context, st kv.Storage, key kv.Key, v kv.Version, t term) (kv.Version, error) {
	record := kv.Record{Key: key, Value: t.encode(), Version: v}
	for wait := again.New(again.First, time.Second); ; {
		put := st.CasByVersion
		if v == 0 {
			put = st.Create
		}
		got, err := put(ctx, record)
		switch {
		case err == nil:
			return got, nil
		case ctx.Err() != nil, !open(err):
			return 0, err
		}
		now, err := st.Get(ctx, key)
		switch {
		case err == nil && now.Version == v:
			// It has not arrived, and may yet; then the next one fails and is found out like this.
		case err == nil && string(now.Value) == string(record.Value):
			return now.Version, nil
		case err == nil, errors.Is(err, kv.ErrNotFound) && v != 0:
			return 0, errOther
		case !errors.Is(err, kv.ErrNotFound) && !open(err):
			return 0, err
		}
		if err := wait.Wait(ctx); err != nil {
			return 0, err
		}
	}
}

// open reports whether what was to be done may be done yet, or be done already.
func open(err error) bool {
	for _, e := range []error{kv.ErrAlreadyExists, kv.ErrWrongVersion, kv.ErrNotFound, kv.ErrUncertain, kv.ErrUnavailable} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Proclaim replaces the value that the leader shows. It returns nil once the store has it; ErrLost or session.ErrReleased if the term is
// over; kv.ErrTooLarge; or ctx's error or the store's, and then the value may be the old or the new one. Whatever becomes of it, it never
// overwrites another term's record.
func (t *Term) Proclaim(ctx context.Context, value []byte) error {
	err := validateValue(value)
	if err == nil {
		err = t.update(ctx, func(r *term) { r.setValue(slices.Clone(value)) })
	}
	if err != nil {
		return t.e.opError("proclaim", err)
	}
	return nil
}

// errOtherTerm: the record is that of another term.
var errOtherTerm = errors.New("another term has begun")

// update rewrites the record of this term, and ends the term if the record is another's.
func (t *Term) update(ctx context.Context, edit func(*term)) error {
	if err := kv.ValidateContext(ctx); err != nil {
		return err
	}
	err := t.rewrite(ctx, edit)
	if errors.Is(err, errOtherTerm) {
		t.place.Lost(errOtherTerm.Error()) // only here: it calls the session's hook, which other calls must not wait for
		return t.Err()
	}
	return err
}

// rewrite is update for one call at a time: they wait for each other.
func (t *Term) rewrite(ctx context.Context, edit func(*term)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(t.Context(ctx), func() { cancel(t.Err()) })()

	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return cmp.Or(t.Err(), ctx.Err())
	}
	for {
		if err := t.Err(); err != nil {
			return err
		}
		next := t.record
		edit(&next)
		v, err := write(ctx, t.place.Storage(), termKey(t.e.name), t.version, next)
		if err == nil {
			t.record, t.version = next, v
			return nil
		}
		if lost := t.Err(); lost != nil {
			return lost
		}
		if !errors.Is(err, errOther) {
			return err
		}
		if err := t.refresh(ctx); err != nil {
			return err
		}
	}
}

// refresh reads what became of the record; errOtherTerm if it is another's.
func (t *Term) refresh(ctx context.Context) error {
	r, err := t.place.Storage().Get(ctx, termKey(t.e.name))
	if err != nil && !errors.Is(err, kv.ErrNotFound) {
		return err
	}
	now, err := decodeTerm(r)
	if err != nil {
		return err
	}
	if now.Key != t.record.Key || now.Entry != t.record.Entry {
		return errOtherTerm
	}
	t.record, t.version = now, r.Version
	return nil
}

// Resign ends the term: Done and the contexts end first, then the leader's entry is deleted, and the next in line is elected. It can hit no
// other term than this one. Its errors, and what they leave behind, are those of giving a lock back: nil once the store has
// confirmed; ErrLost if the leadership had been lost before; and kv.ErrUncertain if the store has not confirmed within ctx, and within
// the shorter of 5 seconds and ValidFor; then the removal goes on in the background. A ctx that is over already does not hinder it. A repeat
// returns the first result.
func (t *Term) Resign(ctx context.Context) error {
	if err := t.leave(ctx); err != nil {
		return t.e.opError("resign", err)
	}
	return nil
}

func (t *Term) leave(ctx context.Context) error {
	if ctx != nil {
		t.given.Store(true)
	}
	return t.place.Leave(ctx)
}

// Transfer makes the candidate of that ID the next leader, and resigns. If several have the ID it is the one that would be elected
// first. The others keep their places. If the chosen one goes before it is elected, the next in line is, as ever.
//
// It returns ErrNoCandidate if nobody of that ID stands, ErrLost or session.ErrReleased if the term is over, ctx's error or the store's; and
// then, as after any error but one of Resign's, the term goes on, and the candidate may or may not be the next when it ends.
func (t *Term) Transfer(ctx context.Context, id string) error {
	err := t.choose(ctx, id)
	if err == nil {
		err = t.leave(ctx)
	}
	if err != nil {
		return t.e.opError("transfer", err)
	}
	return nil
}

// choose marks the candidate's entry: in one write, so that its owner hears of it and everybody else sees it, whatever becomes of this
// leader.
func (t *Term) choose(ctx context.Context, id string) error {
	if err := kv.ValidateContext(ctx); err != nil {
		return err
	}
	if err := t.Err(); err != nil {
		return err
	}
	st := t.place.Storage()
	entries, err := line.Read(ctx, st, root(t.e.name)+candidates)
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e line.Entry) bool { return e.ID != id || e.Key == t.Key() })
	if len(entries) == 0 {
		return fmt.Errorf("%w: %q", ErrNoCandidate, id)
	}
	chosen := slices.MinFunc(entries, func(a, b line.Entry) int { return succeeds(term{Token: t.Token()}, a, b) })
	found, err := line.Name(ctx, st, chosen, t.Token())
	if err == nil && !found {
		return fmt.Errorf("%w: %q has gone", ErrNoCandidate, id)
	}
	return err
}
