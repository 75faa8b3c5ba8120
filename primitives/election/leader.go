package election

import (
	"context"
	"errors"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/line"
	"github.com/coordkit/coord/primitives/session"
)

// LeaderInfo is who leads, or that nobody does.
type LeaderInfo struct {
	// Vacant says that nobody leads; then Number is that of the last term, and the rest is zero.
	Vacant bool
	// Number is the term's number, Token its fencing token, and Key the leader's entry in the store.
	Number int64
	Token  kv.Version
	Key    kv.Key
	// ID is the leader's ID, and Value what it proclaimed. The slice is the caller's own.
	ID    string
	Value []byte
	// Since is when the term began, by the leader's clock, Owner the leader's process, and Note that of its Options.
	Since time.Time
	Owner session.Owner
	Note  string
}

// same reports whether an observer who has been told of a learns nothing from b.
func (a LeaderInfo) same(b LeaderInfo) bool {
	return a.Vacant == b.Vacant && a.Number == b.Number && a.Token == b.Token && string(a.Value) == string(b.Value)
}

func vacant(t term) LeaderInfo { return LeaderInfo{Vacant: true, Number: t.Number} }

// Leader returns who leads the election called name, with two reads; ErrNoLeader if nobody does. It returns kv.ErrInvalid for a name out of
// bounds, a *RecordError if the term record cannot be read, ctx.Err(), or the store's error.
//
// It is a hint: by the time it is read, the leader may be another. Who acts on it sends the token along, for the other side to check.
func Leader(ctx context.Context, st kv.Storage, name string) (LeaderInfo, error) {
	fail := func(err error) (LeaderInfo, error) { return LeaderInfo{}, &Error{Op: "leader", Name: name, Err: err} }
	if err := ValidateName(name); err != nil {
		return fail(err)
	}
	now, err := read(ctx, st, name)
	if err != nil {
		return fail(err)
	}
	if now.info.Vacant {
		return fail(ErrNoLeader)
	}
	return now.info, nil
}

// state is what two reads tell of a leadership.
type state struct {
	info   LeaderInfo
	record kv.Record // the term's; zero if there is none
	entry  kv.Record // the leader's
}

// read reads the term record, and then the entry that it names. If that is not there, either nobody leads, or the record is of a term
// that has ended since it was read: then it has been written again.
func read(ctx context.Context, st kv.Storage, name string) (state, error) {
	last := kv.Version(-1)
	for {
		r, err := st.Get(ctx, termKey(name))
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			return state{}, err
		}
		t, err := decodeTerm(r)
		switch {
		case err != nil:
			return state{}, err
		case r.Version == last, t.Key == "":
			return state{info: vacant(t), record: r}, nil
		}
		last = r.Version
		entry, err := st.Get(ctx, t.Key)
		switch {
		case err == nil && isEntryOf(entry, t):
			return state{info: t.info(line.Decode(entry)), record: r, entry: entry}, nil
		case err != nil && !errors.Is(err, kv.ErrNotFound):
			return state{}, err
		}
	}
}

// isEntryOf is term.isOf for a record, which may be the zero Record.
func isEntryOf(r kv.Record, t term) bool {
	return r.Key != "" && t.isOf(line.Decode(r))
}
