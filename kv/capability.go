package kv

import (
	"context"
	"iter"
)

// Appender is a capability: to create a record and learn, of the same moment, who came before it. A queue that
// stands on it needs one call to join.
type Appender interface {
	// Append does what Create does, with the same errors, and in the same atomic step reads the other records from
	// startKey to endKey, both included: ahead tells how many there are, and prev is the one of them that was created
	// last, or the zero Record if there is none. (Not the one written last: a CasByVersion does not move a record.)
	//
	// After ErrAlreadyExists only the version is told. The ends are as for GetRange; an empty range has nobody in it.
	Append(ctx context.Context, record Record, startKey, endKey Key) (v Version, prev Record, ahead int, err error)
}

// PlaceReader is a capability: to look at one's own record again, and learn of the same moment who is before it now. Who waits in a
// long queue then reads two records where a GetRange would read them all.
type PlaceReader interface {
	// ReadPlace returns the record at key and, of the same moment, prev: of the other records from startKey to endKey, both included, that were
	// created before the version created, the one that was created last, or the zero Record if there is none.
	// (Created, not written: a record that a CasByVersion has changed since counts.) created is the version
	// that the record at key was created with, as the caller knows it: whoever has deleted and created it again since is not found
	// out by it, but by the record.
	//
	// Its errors are those of Get: without a record at key it is ErrNotFound, and prev is not told. The ends are as for GetRange; an empty
	// range has nobody in it.
	ReadPlace(ctx context.Context, key Key, created Version, startKey, endKey Key) (own, prev Record, err error)
}

// RangeWatcher is a capability: to follow all changes in a range through one watch.
type RangeWatcher interface {
	// WatchRange yields the records from startKey to endKey first, as one event with Reset set, then every change among
	// them in order and without a gap. When the position is lost, after a compaction or an outage that outlasted the
	// history, it yields a Reset again. It yields an event with Progress set at least every 10 seconds while the store
	// answers, so silence means that it does not.
	//
	// The sequence ends when the caller stops ranging, or with one last error: ctx.Err(), ErrClosed, or the store's
	// refusal. It may be ranged over once, and leaves nothing behind.
	WatchRange(ctx context.Context, startKey, endKey Key) iter.Seq2[RangeEvent, error]
}

// RangeEvent is one step of a watched range. One atomic step of the store, such as the release of a lease, is never split
// over two events, and no key is in one event twice.
type RangeEvent struct {
	// Reset says that Puts is the whole range and that everything known before is void.
	Reset bool
	// Version is the store's position after the event.
	Version Version
	// Puts are the records created or changed, sorted by key.
	Puts Records
	// Deletes are the keys removed, sorted.
	Deletes []Key
	// Progress says that nothing else happened up to Version.
	Progress bool
}

// As finds a capability T of s: T is an interface such as [Appender].
//
// It tries s itself. Then, if s has a method As(target any) bool, that method decides alone: it either sets *target, a *T,
// and returns true, or the capability is absent. Otherwise, if s has a method Unwrap() Storage, the search goes
// on with what that returns. A decorator that may be bypassed has Unwrap; one that changes keys, counts, delays or fails
// calls has As, or neither, and then hides what lies beneath it.
func As[T any](s Storage) (T, bool) {
	for s != nil {
		if t, ok := s.(T); ok {
			return t, true
		}
		var t T
		if d, ok := s.(interface{ As(target any) bool }); ok {
			found := d.As(&t)
			return t, found
		}
		u, ok := s.(interface{ Unwrap() Storage })
		if !ok {
			break
		}
		s = u.Unwrap()
	}
	var none T
	return none, false
}
