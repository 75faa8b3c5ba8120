package kvtest

import (
	"context"
	"errors"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

// appender returns the storage's Appender, or skips the test.
func (f *fixture) appender() kv.Appender {
	f.Helper()
	a, ok := kv.As[kv.Appender](f.st)
	if !ok {
		f.Skip("no kv.Appender")
	}
	return a
}

// join appends a record to the queue of this test.
func (f *fixture) join(name string) (v kv.Version, prev kv.Key, ahead int) {
	f.Helper()
	start, end := kv.PrefixRange(f.key("q/"))
	v, rec, ahead, err := f.appender().Append(f.ctx, kv.Record{Key: f.key("q/" + name), Value: kv.Value(name)}, start, end)
	require.NoError(f, err, "Append(%q)", name)
	return v, rec.Key, ahead
}

var appendCases = []Case{
	{"Append tells who was created last before it, and how many", func(f *fixture) {
		_, prev, ahead := f.join("z")
		require.Empty(f, prev)
		require.Zero(f, ahead)
		_, prev, ahead = f.join("a")
		require.Equal(f, f.key("q/z"), prev)
		require.Equal(f, 1, ahead)
		f.create(f.key("p"), "a neighbour")
		v, prev, ahead := f.join("m")
		require.Equal(f, f.key("q/a"), prev)
		require.Equal(f, 2, ahead)
		rec, err := f.far.Get(f.ctx, f.key("q/m"))
		require.NoError(f, err)
		require.Equal(f, kv.Record{Key: f.key("q/m"), Value: kv.Value("m"), Version: v}, rec)
	}},
	{"Append goes by creation, which a CAS does not change", func(f *fixture) {
		v, _, _ := f.join("a")
		f.join("b")
		f.cas(f.key("q/a"), v, "changed")
		_, prev, _ := f.join("c")
		require.Equal(f, f.key("q/b"), prev)
	}},
	{"Append fails as Create does", func(f *fixture) {
		v, _, _ := f.join("a")
		start, end := kv.PrefixRange(f.base)
		got, _, _, err := f.appender().Append(f.ctx, kv.Record{Key: f.key("q/a"), Lease: 1 << 60}, start, end)
		require.ErrorIs(f, err, kv.ErrAlreadyExists)
		require.Equal(f, v, got)
		_, _, _, err = f.appender().Append(f.ctx, kv.Record{Key: f.key("q/b"), Lease: 1 << 60}, start, end)
		require.ErrorIs(f, err, kv.ErrWrongLeaseId)
		f.absent(f.key("q/b"))
		_, _, _, err = f.appender().Append(f.ctx, kv.Record{}, start, end)
		require.ErrorIs(f, err, kv.ErrInvalid)
	}},
	{"Append with an empty range has nobody before it", func(f *fixture) {
		f.join("a")
		_, prev, ahead, err := f.appender().Append(f.ctx, kv.Record{Key: f.key("q/b")}, "", "")
		require.NoError(f, err)
		require.Zero(f, ahead)
		require.Equal(f, kv.Record{}, prev)
	}},
	{"of many that append at once each finds another one before it", func(f *fixture) {
		f.appender()
		var mu sync.Mutex
		seen := map[kv.Key]int{}
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				_, prev, ahead := f.join(string(rune('a' + i)))
				mu.Lock()
				defer mu.Unlock()
				seen[prev]++
				if ahead == 0 {
					seen["none"]++
				}
			})
		}
		wg.Wait()
		require.Equal(f, 1, seen["none"])
		require.Len(f, seen, 21, "each predecessor once, and the first with none")
	}},
}

// watched is the state that the events of a watched range add up to.
type watched struct {
	f      *fixture
	events chan kv.RangeEvent
	end    chan error
	state  map[kv.Key]string
	stop   context.CancelFunc
}

func (f *fixture) watch() *watched {
	f.Helper()
	rw, ok := kv.As[kv.RangeWatcher](f.far)
	if !ok {
		f.Skip("no kv.RangeWatcher")
	}
	ctx, stop := context.WithCancel(f.ctx)
	w := &watched{f: f, events: make(chan kv.RangeEvent), end: make(chan error, 1), state: map[kv.Key]string{}, stop: stop}
	start, end := kv.PrefixRange(f.base)
	go func() {
		defer close(w.events)
		for ev, err := range rw.WatchRange(ctx, start, end) {
			if err != nil {
				w.end <- err
				return
			}
			select {
			case w.events <- ev:
			case <-ctx.Done():
			}
		}
	}()
	f.Cleanup(func() {
		stop()
		for range w.events {
		}
	})
	return w
}

// next applies the next event that is not only progress.
func (w *watched) next() kv.RangeEvent {
	w.f.Helper()
	for ev := range w.events {
		if ev.Progress && !ev.Reset && len(ev.Puts)+len(ev.Deletes) == 0 {
			continue
		}
		if ev.Reset {
			clear(w.state)
		}
		for _, r := range ev.Puts {
			w.state[r.Key[len(w.f.base):]] = string(r.Value)
		}
		for _, k := range ev.Deletes {
			delete(w.state, k[len(w.f.base):])
		}
		return ev
	}
	require.FailNow(w.f, "the watch ended")
	return kv.RangeEvent{}
}

var watchRangeCases = []Case{
	{"WatchRange begins with the whole range and goes on with every change", func(f *fixture) {
		v := f.create(f.key("a"), "1")
		f.create(f.key("b"), "1")
		w := f.watch()
		ev := w.next()
		require.True(f, ev.Reset)
		require.Equal(f, map[kv.Key]string{"a": "1", "b": "1"}, w.state)
		for _, change := range []struct {
			do   func()
			want map[kv.Key]string
		}{
			{func() { f.cas(f.key("a"), v, "2") }, map[kv.Key]string{"a": "2", "b": "1"}},
			{func() { f.delete(f.key("b")) }, map[kv.Key]string{"a": "2"}},
			{func() { f.create(f.key("b"), "3") }, map[kv.Key]string{"a": "2", "b": "3"}},
		} {
			change.do()
			before := ev.Version
			ev = w.next()
			require.False(f, ev.Reset)
			require.Greater(f, ev.Version, before)
			require.Equal(f, change.want, w.state)
		}
	}},
	{"the release of a lease is one event", func(f *fixture) {
		l := f.lease(f.b.MinTTL*10, false)
		for _, k := range []string{"a", "b", "c"} {
			f.bind(f.key(k), l)
		}
		w := f.watch()
		w.next()
		require.NoError(f, l.Release())
		ev := w.next()
		require.Equal(f, []kv.Key{f.key("a"), f.key("b"), f.key("c")}, ev.Deletes)
	}},
	{"a watch of a quiet range makes progress", func(f *fixture) {
		w := f.watch()
		w.next()
		ev := <-w.events
		require.True(f, ev.Progress)
	}},
	{"a watch ends with its ctx", func(f *fixture) {
		w := f.watch()
		w.next()
		w.stop()
		for range w.events {
		}
		select {
		case err := <-w.end:
			require.True(f, errors.Is(err, context.Canceled), "the last error: %v", err)
		default:
		}
	}},
}
