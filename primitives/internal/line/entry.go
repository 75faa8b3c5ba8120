package line

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
)

// format is the number of the value's format on the store.
const format = 1

// stored is an entry's value on the store, as JSON. Readers ignore fields that they do not know.
type stored struct {
	Format  int       `json:"format"`
	Owner   string    `json:"owner"`
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Program string    `json:"program"`
	Since   time.Time `json:"since"`
	Note    string    `json:"note,omitempty"`
	// Try marks an attempt that does not wait: if anybody is in its way, it is about to go.
	Try bool `json:"try,omitempty"`
	// Shared marks one that others may share the place with.
	Shared bool `json:"shared,omitempty"`
	// Weight is how much of a semaphore it asks for.
	Weight int64 `json:"weight,omitempty"`
	// ID is who stands for election, and Priority the rank among those who do.
	ID       string `json:"id,omitempty"`
	Priority int    `json:"priority,omitempty"`
	// Heir is the token of the holder that chose the entry to be the next, whoever stands before it.
	Heir kv.Version `json:"heir,omitempty"`
	// Granted marks one that waited and has its place now, for those who wait behind it.
	Granted bool `json:"granted,omitempty"`
	// Created is the version that the entry was created with, in an entry that was changed since; its place is by it.
	Created kv.Version `json:"created,omitempty"`
}

// Entry is one attempt in a line: the holder, or who waits.
type Entry struct {
	// Key is the entry's key, Version the version of its last write.
	Key     kv.Key
	Version kv.Version
	// Token is the version that the entry was created with: its place in the line, and its fencing token once it holds.
	Token kv.Version
	Lease kv.LeaseId
	// Shared, Weight, Priority, Heir and Granted are what rules go by.
	Shared   bool
	Weight   int64
	Priority int
	Heir     kv.Version
	Granted  bool
	// ID is the name under which an owner stands for election.
	ID string
	// Owner, Since, Note and Try are what the owner wrote: who it is, when it joined by its own clock, and a remark.
	Owner session.Owner
	Since time.Time
	Note  string
	Try   bool
	// Err says why the value cannot be read. Such an entry blocks like any other.
	Err error

	value kv.Value // not decoded yet; see place
}

// same reports whether an entry that was changed is still of the kind that it was.
func (e Entry) same(changed Entry) bool {
	return e.Shared == changed.Shared && e.Granted == changed.Granted
}

func encode(s stored) kv.Value {
	v, err := json.Marshal(s)
	if err != nil {
		panic(err) // strings, numbers and the present time always can be encoded
	}
	return v
}

// special is in the value of every entry that is not what its key and version say: no string in JSON can hold it, for there its
// quotes are escaped.
var special = [][]byte{[]byte(`"created":`), []byte(`"weight":`), []byte(`"shared":`), []byte(`"priority":`), []byte(`"heir":`)}

// place returns the entry with what tells its place in the line; the rest is decoded when it is shown. A reader of a long line looks
// at most of it for its order only, and decoding costs more than the read.
func place(r kv.Record) Entry {
	if len(r.Value) == 0 {
		return decode(r)
	}
	for _, s := range special {
		if bytes.Contains(r.Value, s) {
			return decode(r)
		}
	}
	return Entry{Key: r.Key, Version: r.Version, Token: r.Version, Lease: r.Lease, value: r.Value}
}

// whole returns the entry with all that its owner wrote.
func (e Entry) whole() Entry {
	if e.value == nil {
		return e
	}
	return decode(kv.Record{Key: e.Key, Version: e.Version, Lease: e.Lease, Value: e.value})
}

// Decode returns a record of a line as an entry.
func Decode(r kv.Record) Entry { return decode(r) }

func decode(r kv.Record) Entry {
	e := Entry{Key: r.Key, Version: r.Version, Token: r.Version, Lease: r.Lease}
	var s stored
	if err := json.Unmarshal(r.Value, &s); err != nil {
		e.Err = fmt.Errorf("entry %q cannot be read: %w", r.Key, err)
		return e
	}
	if s.Format != format {
		e.Err = fmt.Errorf("entry %q has the unknown format %d", r.Key, s.Format)
	}
	if s.Created > 0 && s.Created < r.Version {
		e.Token = s.Created
	}
	e.Shared, e.Weight, e.Granted = s.Shared, s.Weight, s.Granted
	e.ID, e.Priority, e.Heir = s.ID, s.Priority, s.Heir
	e.Owner = session.Owner{Name: s.Owner, Host: s.Host, Program: s.Program, PID: s.PID}
	e.Since, e.Note, e.Try = s.Since, s.Note, s.Try
	return e
}

// Read returns the entries of the line at root, first come first, as they were at one moment.
func Read(ctx context.Context, st kv.Storage, root kv.Key) ([]Entry, error) {
	start, end := kv.PrefixRange(root)
	records, err := st.GetRange(ctx, start, end)
	if err != nil {
		return nil, err
	}
	return Sort(records), nil
}

// Sort returns the records of a line as entries in the order of the line.
func Sort(records kv.Records) []Entry { return sorted(records, decode) }

func sorted(records kv.Records, as func(kv.Record) Entry) []Entry {
	entries := make([]Entry, len(records))
	for i, r := range records {
		entries[i] = as(r)
	}
	slices.SortFunc(entries, inOrder)
	return entries
}

// inOrder compares places. Two tokens are equal only if somebody forged one.
func inOrder(a, b Entry) int {
	switch {
	case a.Token < b.Token:
		return -1
	case a.Token > b.Token:
		return 1
	}
	return strings.Compare(string(a.Key), string(b.Key))
}

// OccupiedError says that a place was not to be had because others were there before.
type OccupiedError struct {
	// Head is who is first in the line, Ahead how many were there before. Head is zero if only their number is known, and then that is the
	// greatest that it can be.
	Head  Entry
	Ahead int
	// Aside is the record beside the entries, zero if it is not known.
	Aside kv.Record
	// Err is what ended the wait: ctx.Err(), or nil if there was none.
	Err error

	before []Entry
}

// occupied is the error of who has others in the way, in the line as it was last seen. err is what ended the wait.
func occupied(s Sight, err error) *OccupiedError {
	o := &OccupiedError{Ahead: s.ahead, Err: err}
	if !s.partial {
		o.Head, o.Aside, o.before = head(s.Before), s.Aside, s.Before
	}
	return o
}

// Before returns who was there before, in order; nobody if only their number is known.
func (e *OccupiedError) Before() []Entry {
	before := make([]Entry, len(e.before))
	for i, b := range e.before {
		before[i] = b.whole()
	}
	return before
}

func (e *OccupiedError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%d ahead in the line: %v", e.Ahead, e.Err)
	}
	return fmt.Sprintf("%d ahead in the line", e.Ahead)
}

func (e *OccupiedError) Unwrap() error { return e.Err }

// transient says whether a read may be repeated: the store was out of reach, and nothing is decided.
func transient(err error) bool {
	return errors.Is(err, kv.ErrUnavailable) || errors.Is(err, kv.ErrUncertain)
}
