package intercept

import (
	"context"
	"iter"
	"sync"

	"github.com/coordkit/coord/kv"
)

// As gives the capabilities that the storage beneath has, through the interceptor. [kv.As] calls it.
func (s *Storage) As(target any) bool {
	switch t := target.(type) {
	case *kv.Appender:
		under, ok := kv.As[kv.Appender](s.st)
		if ok {
			*t = appender{s, under}
		}
		return ok
	case *kv.PlaceReader:
		under, ok := kv.As[kv.PlaceReader](s.st)
		if ok {
			*t = placeReader{s, under}
		}
		return ok
	case *kv.RangeWatcher:
		under, ok := kv.As[kv.RangeWatcher](s.st)
		if ok {
			*t = watcher{s, under}
		}
		return ok
	}
	return false
}

type appender struct {
	s     *Storage
	under kv.Appender
}

// appended is what Append returns.
type appended struct {
	v     kv.Version
	prev  kv.Record
	ahead int
}

// Append implements kv.Appender.
func (a appender) Append(
	ctx context.Context, r kv.Record, startKey, endKey kv.Key,
) (v kv.Version, prev kv.Record, ahead int, err error) {
	c := Call{Op: OpAppend, Key: r.Key, End: endKey, Lease: r.Lease}
	if err := invalid(ctx, c, r.Validate()); err != nil {
		return 0, kv.Record{}, 0, err
	}
	r = kept(r)
	got, err := call(ctx, a.s, c, func(ctx context.Context) (appended, error) {
		v, prev, ahead, err := a.under.Append(ctx, r, startKey, endKey)
		return appended{v, prev, ahead}, err
	})
	return got.v, got.prev, got.ahead, err
}

type placeReader struct {
	s     *Storage
	under kv.PlaceReader
}

// place is what ReadPlace returns.
type place struct{ own, prev kv.Record }

// ReadPlace implements kv.PlaceReader.
func (p placeReader) ReadPlace(
	ctx context.Context, key kv.Key, created kv.Version, startKey, endKey kv.Key,
) (own, prev kv.Record, err error) {
	c := Call{Op: OpReadPlace, Key: key, End: endKey, Version: created}
	if err := invalid(ctx, c, key.Validate()); err != nil {
		return kv.Record{}, kv.Record{}, err
	}
	got, err := call(ctx, p.s, c, func(ctx context.Context) (place, error) {
		own, prev, err := p.under.ReadPlace(ctx, key, created, startKey, endKey)
		return place{own, prev}, err
	})
	return got.own, got.prev, err
}

type watcher struct {
	s     *Storage
	under kv.RangeWatcher
}

// WatchRange implements kv.RangeWatcher. The interceptor is called when ranging begins.
func (w watcher) WatchRange(ctx context.Context, startKey, endKey kv.Key) iter.Seq2[kv.RangeEvent, error] {
	return func(yield func(kv.RangeEvent, error) bool) {
		c := Call{Op: OpWatchRange, Key: startKey, End: endKey}
		if err := invalid(ctx, c, nil); err != nil {
			yield(kv.RangeEvent{}, err)
			return
		}
		r := &ranging{yield: yield}
		err := callOnly(ctx, w.s, c, func(ctx context.Context) error {
			return r.run(w.under.WatchRange(ctx, startKey, endKey))
		})
		if r.end() && err != nil {
			yield(kv.RangeEvent{}, err)
		}
	}
}

// ranging is a caller that ranges over a watch.
type ranging struct {
	mu    sync.Mutex // held while the caller has an event, so that it is never called once it was told the end
	yield func(kv.RangeEvent, error) bool
	over  bool // the caller has stopped, or was told the end
}

// run yields the events, and returns the error that the sequence ends with: nil if the caller stops.
func (r *ranging) run(events iter.Seq2[kv.RangeEvent, error]) error {
	for event, err := range events {
		if err != nil {
			return err
		}
		if !r.tell(event) {
			return nil
		}
	}
	return nil
}

// tell yields an event, and reports whether there may be more.
func (r *ranging) tell(event kv.RangeEvent) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over && !r.yield(event, nil) {
		r.over = true
	}
	return !r.over
}

// end reports whether the caller is still there, to be told how the watch ended.
func (r *ranging) end() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	there := !r.over
	r.over = true
	return there
}
