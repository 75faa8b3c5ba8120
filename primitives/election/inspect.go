package election

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/line"
	"github.com/coordkit/coord/primitives/internal/names"
	"github.com/coordkit/coord/primitives/session"
)

// Info is an election as it was at one moment.
type Info struct {
	Name string
	// Leader is who leads, or Vacant, with the number of the last term.
	Leader LeaderInfo
	// Candidates are those who stand and do not lead, in the order in which they would be elected.
	Candidates []Candidate
	// Err says why the term record cannot be read; then Leader is unknown, and Candidates are all there are.
	Err error
}

// Candidate is one that stands for election, as its owner described it.
type Candidate struct {
	// Key is the candidate's entry in the store, Token names this life of it for ever, and Lease is what it goes with. (A leader's
	// fencing token is another one, which its term begins with.)
	Key   kv.Key
	Token kv.Version
	Lease kv.LeaseId
	// ID, Priority and Note are those of its Options; Owner is its process, and Since when it joined, by the owner's clock.
	ID       string
	Priority int
	Note     string
	Owner    session.Owner
	Since    time.Time
	// Err says why the entry's value cannot be read. It stands like any other until its key is deleted.
	Err error
}

// Candidates returns who stands for the leadership called name, the leader not among them, in the order in which they would be elected.
// Errors are those of Inspect.
func Candidates(ctx context.Context, st kv.Storage, name string) ([]Candidate, error) {
	info, err := Inspect(ctx, st, name)
	if err == nil {
		err = info.Err
	}
	return info.Candidates, err
}

// Inspect returns who leads the election called name and who stands, with one read. An election that nobody stands for is vacant. It returns
// kv.ErrInvalid for a name out of bounds, ctx.Err(), or the store's error. No session is needed.
func Inspect(ctx context.Context, st kv.Storage, name string) (Info, error) {
	err := ValidateName(name)
	if err == nil {
		start, end := kv.PrefixRange(root(name))
		var records kv.Records
		if records, err = st.GetRange(ctx, start, end); err == nil {
			return newInfo(name, records), nil
		}
	}
	return Info{}, &Error{Op: "inspect", Name: name, Err: err}
}

// List returns every election that somebody stands for or ever won, sorted by name, as they were at one moment. It reads all of all
// elections at once. The slice is empty, not nil, if there are none.
func List(ctx context.Context, st kv.Storage) ([]Info, error) {
	start, end := kv.PrefixRange(base)
	records, err := st.GetRange(ctx, start, end)
	if err != nil {
		return nil, &Error{Op: "list", Err: err}
	}
	byName := names.Group(base, records)
	infos := make([]Info, 0, len(byName))
	for name, records := range byName {
		infos = append(infos, newInfo(name, records))
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

func newInfo(name string, records kv.Records) Info {
	info := Info{Name: name, Leader: LeaderInfo{Vacant: true}, Candidates: []Candidate{}}
	var t term
	records = slices.DeleteFunc(slices.Clone(records), func(r kv.Record) bool {
		if r.Key == termKey(name) {
			t, info.Err = decodeTerm(r)
			info.Leader.Number = t.Number
			return true
		}
		return false
	})
	entries := line.Sort(records)
	slices.SortStableFunc(entries, func(a, b line.Entry) int { return succeeds(t, a, b) })
	for _, e := range entries {
		if info.Err == nil && t.isOf(e) {
			info.Leader = t.info(e)
			continue
		}
		info.Candidates = append(info.Candidates, Candidate{
			Key: e.Key, Token: e.Token, Lease: e.Lease, ID: e.ID, Priority: e.Priority, Owner: e.Owner, Since: e.Since, Note: e.Note,
			Err: e.Err,
		})
	}
	return info
}

// Break takes the leadership called name away from the leader that leads under token, and the next in line is elected. The leader is told: its
// Done is closed and its Resign returns ErrLost, but it may work on until it notices.
//
// It takes 2 seconds, in which it makes sure that it hits the term meant and never a later one. It returns ErrNotLeading if nobody leads,
// another leads, or the term ended meanwhile; kv.ErrUncertain if the answer to the removal was lost; kv.ErrInvalid, a *RecordError, ctx.Err(),
// or the store's error, and then it has removed nothing.
func Break(ctx context.Context, st kv.Storage, name string, token kv.Version) error {
	fail := func(err error) error { return &Error{Op: "break", Name: name, Err: err} }
	if err := ValidateName(name); err != nil {
		return fail(err)
	}
	now, err := read(ctx, st, name)
	switch {
	case err != nil:
		return fail(err)
	case now.info.Vacant || now.info.Token != token:
		return fail(ErrNotLeading)
	}
	struck, err := line.Strike(ctx, st, line.Decode(now.entry))
	switch {
	case err != nil:
		return fail(err)
	case !struck:
		return fail(ErrNotLeading)
	}
	return nil
}
