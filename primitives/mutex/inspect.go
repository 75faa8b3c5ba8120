package mutex

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/line"
	"github.com/coordkit/coord/primitives/internal/names"
	"github.com/coordkit/coord/primitives/session"
)

// Info is a lock as it was at one moment.
type Info struct {
	Name string
	// Holders are who has it: none if it is free, one that writes, or any number of readers.
	Holders []Entry
	// Queue are who waits, in the order in which they will get it.
	Queue []Entry
}

// Entry is one acquisition of a lock, or one attempt at it, as its owner described it.
type Entry struct {
	// Key is the entry's key in the store.
	Key kv.Key
	// Token is the entry's place in the line, and its fencing token once it holds. It names this attempt for ever.
	Token kv.Version
	// Lease is the lease that the entry goes with.
	Lease kv.LeaseId
	// Owner is who made it, Since when, by the owner's clock, and Note what Options.Note said.
	Owner session.Owner
	Since time.Time
	Note  string
	// Shared marks one that reads.
	Shared bool
	// Try marks a TryLock. One that found the lock taken after all stands in the line until its removal arrives.
	Try bool
	// Err says why the entry's value cannot be read. It blocks like any other, and can be broken.
	Err error
}

func newEntry(e line.Entry) Entry {
	return Entry{
		Key: e.Key, Token: e.Token, Lease: e.Lease, Owner: e.Owner, Since: e.Since, Note: e.Note,
		Shared: e.Shared, Try: e.Try, Err: e.Err,
	}
}

// String names the owner: "web-1/312 (make)", or the key of an entry that cannot be read.
func (e Entry) String() string {
	if e.Err != nil {
		return fmt.Sprintf("an unreadable entry %q", e.Key)
	}
	return fmt.Sprintf("%s (%s)", e.Owner.Name, e.Owner.Program)
}

// Inspect returns who holds the lock called name and who waits for it, with one read. A free lock is an Info with neither. It returns
// kv.ErrInvalid for a name out of bounds, ctx.Err(), or the store's error. No session is needed.
func Inspect(ctx context.Context, st kv.Storage, name string) (Info, error) {
	if err := ValidateName(name); err != nil {
		return Info{}, &Error{Op: "inspect", Name: name, Err: err}
	}
	entries, err := line.Read(ctx, st, root(name))
	if err != nil {
		return Info{}, &Error{Op: "inspect", Name: name, Err: err}
	}
	return newInfo(name, entries), nil
}

// List returns every lock that somebody holds or waits for, sorted by name, as they were at one moment. It reads all entries of
// all locks at once. The slice is empty, not nil, if there are none.
func List(ctx context.Context, st kv.Storage) ([]Info, error) {
	start, end := kv.PrefixRange(base)
	records, err := st.GetRange(ctx, start, end)
	if err != nil {
		return nil, &Error{Op: "list", Err: err}
	}
	byName := names.Group(base, records)
	infos := make([]Info, 0, len(byName))
	for name, records := range byName {
		infos = append(infos, newInfo(name, line.Sort(records)))
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

func newInfo(name string, entries []line.Entry) Info {
	info := Info{Name: name}
	for i, granted := range line.Granted(line.ReadWrite{}, line.Sight{Before: entries}) {
		if granted {
			info.Holders = append(info.Holders, newEntry(entries[i]))
		} else {
			info.Queue = append(info.Queue, newEntry(entries[i]))
		}
	}
	return info
}

// Break takes the lock called name away from the holder that holds it under token, and the next in line gets it. The holder
// is told: its Done is closed and its Unlock returns ErrLost, but it may work on until it notices.
//
// It takes 2 seconds, in which it makes sure that it hits the acquisition meant and never a later one. It returns ErrNotHeld if the lock
// is free, held under another token, or was given back meanwhile; kv.ErrUncertain if the answer to the removal was lost; kv.ErrInvalid,
// ctx.Err(), or the store's error, and then it has removed nothing.
func Break(ctx context.Context, st kv.Storage, name string, token kv.Version) error {
	fail := func(err error) error { return &Error{Op: "break", Name: name, Err: err} }
	if err := ValidateName(name); err != nil {
		return fail(err)
	}
	entries, err := line.Read(ctx, st, root(name))
	if err != nil {
		return fail(err)
	}
	struck, err := line.StrikeToken(ctx, st, entries, line.Granted(line.ReadWrite{}, line.Sight{Before: entries}), token)
	switch {
	case err != nil:
		return fail(err)
	case !struck:
		return fail(ErrNotHeld)
	}
	return nil
}
