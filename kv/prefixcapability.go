package kv

import (
	"context"
	"iter"
	"time"
)

// As gives the capabilities that the store beneath has, each within the prefix.
func (p *prefixed) As(target any) bool {
	switch t := target.(type) {
	case *Appender:
		under, ok := As[Appender](p.st)
		if ok {
			*t = prefixedAppender{p, under}
		}
		return ok
	case *PlaceReader:
		under, ok := As[PlaceReader](p.st)
		if ok {
			*t = prefixedPlaceReader{p, under}
		}
		return ok
	case *RangeWatcher:
		under, ok := As[RangeWatcher](p.st)
		if ok {
			*t = prefixedWatcher{p, under}
		}
		return ok
	}
	return false
}

type prefixedAppender struct {
	p     *prefixed
	under Appender
}

// Append implements Appender.
func (a prefixedAppender) Append(
	ctx context.Context, record Record, startKey, endKey Key,
) (v Version, prev Record, ahead int, err error) {
	key, err := a.p.stored(ctx, record.Key)
	if err != nil {
		return 0, Record{}, 0, toldError("append", record.Key, err)
	}
	start, end, err := a.p.storedEnds(startKey, endKey)
	if err != nil {
		return 0, Record{}, 0, toldError("append", record.Key, err)
	}
	key, record.Key = record.Key, key
	v, prev, ahead, err = a.under.Append(ctx, record, start, end)
	return v, a.p.toldRecord(prev), ahead, toldError("append", key, err)
}

type prefixedPlaceReader struct {
	p     *prefixed
	under PlaceReader
}

// ReadPlace implements PlaceReader.
func (r prefixedPlaceReader) ReadPlace(
	ctx context.Context, key Key, created Version, startKey, endKey Key,
) (own, prev Record, err error) {
	stored, err := r.p.stored(ctx, key)
	if err != nil {
		return Record{}, Record{}, toldError("read place", key, err)
	}
	start, end, err := r.p.storedEnds(startKey, endKey)
	if err != nil {
		return Record{}, Record{}, toldError("read place", key, err)
	}
	own, prev, err = r.under.ReadPlace(ctx, stored, created, start, end)
	return r.p.toldRecord(own), r.p.toldRecord(prev), toldError("read place", key, err)
}

type prefixedWatcher struct {
	p     *prefixed
	under RangeWatcher
}

// WatchRange implements RangeWatcher.
func (w prefixedWatcher) WatchRange(ctx context.Context, startKey, endKey Key) iter.Seq2[RangeEvent, error] {
	return func(yield func(RangeEvent, error) bool) {
		start, end, err := w.p.storedEnds(startKey, endKey)
		if err != nil {
			yield(RangeEvent{}, toldError("watch range", startKey, err))
			return
		}
		for event, err := range w.under.WatchRange(ctx, start, end) {
			event.Puts = w.p.toldRecords(event.Puts)
			for i, key := range event.Deletes {
				event.Deletes[i] = w.p.told(key)
			}
			if !yield(event, toldError("watch range", startKey, err)) {
				return
			}
		}
	}
}

// invalidLessor are the leases of a namespace whose prefix is invalid.
type invalidLessor struct{ err error }

// NewLease implements Lessor.
func (l invalidLessor) NewLease(context.Context, time.Duration, bool) (Lease, error) {
	return nil, toldError("new lease", "", l.err)
}

// GetLease implements Lessor.
func (l invalidLessor) GetLease(LeaseId) (Lease, error) {
	return nil, toldError("get lease", "", l.err)
}
