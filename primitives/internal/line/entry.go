package line

import (
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
	// Try marks an attempt that does not wait: if anybody was there before it, it is about to go.
	Try bool `json:"try,omitempty"`
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
	// Owner, Since, Note and Try are what the owner wrote: who it is, when it joined by its own clock, and a remark.
	Owner session.Owner
	Since time.Time
	Note  string
	Try   bool
	// Err says why the value cannot be read. Such an entry blocks like any other.
	Err error
}

func encode(cfg *Config, o session.Owner) kv.Value {
	v, err := json.Marshal(stored{
		Format: format, Owner: o.Name, Host: o.Host, PID: o.PID, Program: o.Program,
		Since: time.Now().UTC(), Note: cfg.Note, Try: cfg.Try,
	})
	if err != nil {
		panic(err) // strings, numbers and the present time always can be encoded
	}
	return v
}

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
func Sort(records kv.Records) []Entry {
	entries := make([]Entry, len(records))
	for i, r := range records {
		entries[i] = decode(r)
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		if a.Token != b.Token {
			return int(min(1, max(-1, a.Token-b.Token)))
		}
		return strings.Compare(string(a.Key), string(b.Key))
	})
	return entries
}

// OccupiedError says that a place was not to be had because others were there before.
type OccupiedError struct {
	// Head is who is first in the line, Ahead how many were there before. Head is zero if only their number is known.
	Head  Entry
	Ahead int
	// Err is what ended the wait: ctx.Err(), or nil if there was none.
	Err error
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
