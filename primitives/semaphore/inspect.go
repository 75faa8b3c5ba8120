package semaphore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/line"
	"github.com/coordkit/coord/primitives/internal/names"
	"github.com/coordkit/coord/primitives/session"
)

// Info is a semaphore as it was at one moment.
type Info struct {
	Name string
	// Limit is how much can be in use; zero if none is stored, or if what is stored cannot be read.
	Limit int64
	// Used is how much the holders hold. It is more than Limit after that was lowered, until enough was given back.
	Used int64
	// Holders are who has it, in the order in which they got it. After the limit was lowered, one who came before that and waits may
	// be told among them, as long as it is within the higher limit: the store does not show who of these was let in.
	Holders []Entry
	// Queue are who waits, in the order in which they will get it.
	Queue []Entry
	// Err says why the stored limit cannot be read. Nobody is let in then; Holders are all there are.
	Err error
}

// Entry is one acquisition of a semaphore, or one attempt at it, as its owner described it.
type Entry struct {
	// Key is the entry's key in the store.
	Key kv.Key
	// Token is the entry's place in the line. It names this attempt for ever.
	Token kv.Version
	// Lease is the lease that the entry goes with.
	Lease kv.LeaseId
	// Weight is how much it holds or waits for; zero if that cannot be read: it counts as the whole limit then.
	Weight int64
	// Owner is who made it, Since when, by the owner's clock, and Note what Options.Note said.
	Owner session.Owner
	Since time.Time
	Note  string
	// Try marks a TryAcquire. One that did not get what it wanted after all stands in the line until its removal arrives.
	Try bool
	// Err says why the entry's value cannot be read. It takes its place like any other, and can be broken.
	Err error
}

func newEntry(e line.Entry) Entry {
	entry := Entry{
		Key: e.Key, Token: e.Token, Lease: e.Lease, Owner: e.Owner, Since: e.Since, Note: e.Note, Try: e.Try, Err: e.Err,
	}
	switch {
	case e.Err != nil:
	case e.Weight <= 0:
		entry.Err = fmt.Errorf("entry %q has a weight of %d", e.Key, e.Weight)
	default:
		entry.Weight = e.Weight
	}
	return entry
}

// String names the owner: "web-1/312 (make)", or the key of an entry that cannot be read.
func (e Entry) String() string {
	if e.Err != nil {
		return fmt.Sprintf("an unreadable entry %q", e.Key)
	}
	return fmt.Sprintf("%s (%s)", e.Owner.Name, e.Owner.Program)
}

// Inspect returns the limit of the semaphore called name, who holds it and who waits for it, with one read. One that nobody ever used is
// an Info with none of them. It returns kv.ErrInvalid for a name out of bounds, ctx.Err(), or the store's error. No session is
// needed.
func Inspect(ctx context.Context, st kv.Storage, name string) (Info, error) {
	entries, limit, err := read(ctx, st, name)
	if err != nil {
		return Info{}, &Error{Op: "inspect", Name: name, Err: err}
	}
	return newInfo(name, entries, limit), nil
}

// List returns every semaphore that has a limit, or that somebody holds or waits for, sorted by name, as they were at one moment. It reads
// all of all semaphores at once. The slice is empty, not nil, if there are none.
func List(ctx context.Context, st kv.Storage) ([]Info, error) {
	start, end := kv.PrefixRange(base)
	records, err := st.GetRange(ctx, start, end)
	if err != nil {
		return nil, &Error{Op: "list", Err: err}
	}
	byName := names.Group(base, records)
	infos := make([]Info, 0, len(byName))
	for name, records := range byName {
		entries, limit := split(name, records)
		infos = append(infos, newInfo(name, entries, limit))
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

// Break takes back what the holder under token has of the semaphore called name, and who is next may get it. The holder is told: its Done
// is closed and its Release returns ErrLost, but it may work on until it notices. An entry that cannot be read can be broken wherever it
// stands.
//
// It takes 2 seconds, in which it makes sure that it hits the acquisition meant and never a later one. It returns ErrNotHeld if
// nobody holds under that token, or has given it back meanwhile; kv.ErrUncertain if the answer to the removal was lost;
// kv.ErrInvalid, ctx.Err(), or the store's error, and then it has removed nothing.
func Break(ctx context.Context, st kv.Storage, name string, token kv.Version) error {
	entries, limit, err := read(ctx, st, name)
	if err == nil {
		holds, _ := holding(entries, limit)
		for i, e := range entries {
			holds[i] = holds[i] || newEntry(e).Err != nil
		}
		var struck bool
		if struck, err = line.StrikeToken(ctx, st, entries, holds, token); err == nil && !struck {
			err = ErrNotHeld
		}
	}
	if err != nil {
		return &Error{Op: "break", Name: name, Err: err}
	}
	return nil
}

// read returns what the semaphore is made of: its entries in order, and the record of its limit.
func read(ctx context.Context, st kv.Storage, name string) ([]line.Entry, kv.Record, error) {
	if err := ValidateName(name); err != nil {
		return nil, kv.Record{}, err
	}
	start, end := kv.PrefixRange(root(name))
	records, err := st.GetRange(ctx, start, end)
	if err != nil {
		return nil, kv.Record{}, err
	}
	entries, limit := split(name, records)
	return entries, limit, nil
}

// split tells the limit from the entries, and leaves out what is neither.
func split(name string, records kv.Records) (entries []line.Entry, limit kv.Record) {
	var queued kv.Records
	for _, r := range records {
		switch {
		case r.Key == limitKey(name):
			limit = r
		case strings.HasPrefix(string(r.Key), string(queue(name))):
			queued = append(queued, r)
		}
	}
	return line.Sort(queued), limit
}

// holding tells of each entry whether it may hold, with the limit, or why that cannot be read: then everybody may.
func holding(entries []line.Entry, record kv.Record) ([]bool, error) {
	l, err := decodeLimit(record)
	holds := make([]bool, len(entries))
	end := int64(0)
	for i, e := range entries {
		end = sum(end, l.weight(e))
		holds[i] = err != nil || l.mayHold(e, end)
	}
	return holds, err
}

func newInfo(name string, entries []line.Entry, record kv.Record) Info {
	info := Info{Name: name}
	holds, err := holding(entries, record)
	if err != nil && !errors.Is(err, errNoLimit) {
		info.Err = err
	}
	l, _ := decodeLimit(record) // zero where holding has told why
	info.Limit = l.n
	for i, e := range entries {
		if !holds[i] {
			info.Queue = append(info.Queue, newEntry(e))
			continue
		}
		info.Holders = append(info.Holders, newEntry(e))
		info.Used = sum(info.Used, l.weight(e))
	}
	return info
}
