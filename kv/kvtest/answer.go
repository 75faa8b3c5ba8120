package kvtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coordkit/coord/kv"
)

// answer is what a call came to, with the model's numbers for versions and leases, so that a store's answer and the model's are
// the same if they are equal.
type answer struct {
	version kv.Version
	record  kv.Record
	records kv.Records
	ahead   int
	lease   kv.LeaseId
	own     bool          // the lease returned is the handle that was returned before
	left    time.Duration // a TTL; zero where it is not positive
	stands  bool          // a wait did not return
	err     error
	odd     string // what is wrong in itself, whatever the model says
}

// failed is the answer of a call that fails, which says what was tried.
func failed(op string, key kv.Key, err error) answer {
	return answer{err: &kv.OpError{Op: op, Key: key, Err: err}}
}

// failedWrite is failed for a write that found a version, or zero.
func failedWrite(op string, key kv.Key, v kv.Version, err error) answer {
	a := failed(op, key, err)
	a.version = v
	return a
}

// sentinels are the errors that callers can tell apart.
var sentinels = []error{
	kv.ErrAlreadyExists, kv.ErrNotFound, kv.ErrWrongVersion, kv.ErrWrongLeaseId, kv.ErrClosed, kv.ErrInvalid, kv.ErrTooLarge,
	kv.ErrUnavailable, kv.ErrUncertain, context.Canceled, context.DeadlineExceeded,
}

// differs says in what the store's answer is not the model's, or returns "".
func (got answer) differs(want answer) string {
	var w, g strings.Builder
	field := func(name string, same bool, want, got any) {
		if !same {
			fmt.Fprintf(&w, " %s %v", name, want)
			fmt.Fprintf(&g, " %s %v", name, got)
		}
	}
	field("error", sameError(want.err, got.err), showError(want.err), showError(got.err))
	field("version", want.version == got.version, want.version, got.version)
	field("record", sameRecord(want.record, got.record), showRecord(want.record), showRecord(got.record))
	field("records", sameRecords(want.records, got.records), showRecords(want.records), showRecords(got.records))
	field("ahead", want.ahead == got.ahead, want.ahead, got.ahead)
	field("lease", want.lease == got.lease, want.lease, got.lease)
	field("the handle returned before", want.own == got.own, want.own, got.own)
	field("TTL", want.left == got.left, want.left, got.left)
	field("waits", want.stands == got.stands, want.stands, got.stands)
	switch {
	case w.Len() > 0:
		return fmt.Sprintf("want%s\n got%s %s", w.String(), g.String(), got.odd)
	case got.odd != "":
		return got.odd
	}
	return ""
}

func sameError(want, got error) bool {
	if want == nil || got == nil {
		return want == nil && got == nil
	}
	for _, s := range sentinels {
		if errors.Is(want, s) != errors.Is(got, s) {
			return false
		}
	}
	var w, g *kv.OpError
	return errors.As(want, &w) && errors.As(got, &g) && w.Op == g.Op && w.Key == g.Key
}

func sameRecord(a, b kv.Record) bool {
	return a.Key == b.Key && a.Version == b.Version && a.Lease == b.Lease && bytes.Equal(a.Value, b.Value)
}

// sameRecords tells nil from empty, as the contract does.
func sameRecords(a, b kv.Records) bool {
	if len(a) != len(b) || (a == nil) != (b == nil) {
		return false
	}
	for i := range a {
		if !sameRecord(a[i], b[i]) {
			return false
		}
	}
	return true
}

// String says what the call came to, in one line.
func (got answer) String() string {
	switch {
	case got.err != nil && got.version != 0:
		return fmt.Sprintf("version %d, %s", got.version, showError(got.err))
	case got.err != nil:
		return showError(got.err)
	case got.stands:
		return "stands"
	case got.records != nil:
		return fmt.Sprintf("%d records", len(got.records))
	case got.record.Version != 0 && got.version != 0:
		return fmt.Sprintf("version %d after %s, %d ahead", got.version, showRecord(got.record), got.ahead)
	case got.record.Version != 0:
		return showRecord(got.record)
	case got.version != 0:
		return fmt.Sprintf("version %d", got.version)
	case got.lease != 0:
		return fmt.Sprintf("lease %d", got.lease)
	case got.left != 0:
		return got.left.String()
	}
	return "done"
}

// showError leaves out most of a long key.
func showError(err error) string {
	var said *kv.OpError
	if errors.As(err, &said) && said.Key != "" {
		return fmt.Sprintf("%s %s: %v", said.Op, show(string(said.Key)), said.Err)
	}
	return fmt.Sprint(err)
}

func showRecord(r kv.Record) string {
	if r.Key == "" {
		return "no record"
	}
	return fmt.Sprintf("{%s %s version %d lease %d}", show(string(r.Key)), show(string(r.Value)), r.Version, r.Lease)
}

func showRecords(recs kv.Records) string {
	if recs == nil {
		return "nil"
	}
	var b strings.Builder
	for _, r := range recs {
		b.WriteString(showRecord(r))
	}
	return "[" + b.String() + "]"
}

// show quotes a key or a value, and not all of one that is long.
func show(s string) string {
	const head = 80
	if len(s) <= 2*head {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%q… (%d bytes)", s[:head], len(s))
}
