package kvtest

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

// watched is a range being followed, and the state that its events add up to.
type watched struct {
	f      *fixture
	prefix kv.Key
	events chan kv.RangeEvent // closed at the end
	errs   []error            // what the watch ended with; read after the end
	state  map[kv.Key]string
	at     kv.Version // the position of the last event
	stop   context.CancelFunc
}

// watch follows a prefix of this test's keys from another handle, or skips the test.
func (f *fixture) watch(prefix string) *watched {
	f.Helper()
	rw, ok := kv.As[kv.RangeWatcher](f.far)
	if !ok {
		f.Skip("no kv.RangeWatcher")
	}
	start, end := kv.PrefixRange(f.key(prefix))
	return f.watchRange(rw, start, end)
}

func (f *fixture) watchRange(rw kv.RangeWatcher, start, end kv.Key) *watched {
	ctx, stop := context.WithCancel(f.ctx)
	w := &watched{
		f: f, prefix: f.base, events: make(chan kv.RangeEvent), state: map[kv.Key]string{}, stop: stop,
	}
	go func() {
		defer close(w.events)
		for ev, err := range rw.WatchRange(ctx, start, end) {
			if err != nil || len(w.errs) > 0 { // what follows an error is noted as well, for nothing may
				w.errs = append(w.errs, err)
				continue
			}
			select {
			case w.events <- ev:
			case <-ctx.Done():
			}
		}
	}()
	f.Cleanup(w.drain)
	return w
}

// drain ends the watch and waits for its end.
func (w *watched) drain() {
	w.stop()
	w.ended()
}

// ended waits for the end of the watch and returns what it ended with.
func (w *watched) ended() []error {
	for range w.events {
	}
	return w.errs
}

// next returns the next event that is more than progress, and applies it. It checks what holds for every event.
func (w *watched) next() kv.RangeEvent {
	w.f.Helper()
	for {
		if ev := w.any(); ev.Reset || len(ev.Puts)+len(ev.Deletes) > 0 {
			return ev
		}
	}
}

// any returns the next event, and applies it.
func (w *watched) any() kv.RangeEvent {
	w.f.Helper()
	select {
	case ev, ok := <-w.events:
		require.True(w.f, ok, "the watch ended")
		w.check(ev)
		w.apply(ev)
		return ev
	case <-time.After(30 * time.Second):
		require.FailNow(w.f, "no event")
		return kv.RangeEvent{}
	}
}

func (w *watched) check(ev kv.RangeEvent) {
	w.f.Helper()
	f, empty := w.f, len(ev.Puts)+len(ev.Deletes) == 0
	require.Positive(f, ev.Version)
	switch {
	case ev.Reset:
		require.Empty(f, ev.Deletes, "a Reset with deletions")
		require.GreaterOrEqual(f, ev.Version, w.at, "the position went back")
	case empty:
		require.True(f, ev.Progress, "an event of nothing")
		require.GreaterOrEqual(f, ev.Version, w.at, "the position went back")
	default:
		require.Greater(f, ev.Version, w.at, "the position of a change")
	}
	told := map[kv.Key]bool{}
	for i, r := range ev.Puts {
		require.False(f, told[r.Key], "%q twice in one event", r.Key)
		told[r.Key] = true
		require.LessOrEqual(f, r.Version, ev.Version)
		require.True(f, ev.Reset || r.Version > w.at, "a record of version %d after position %d", r.Version, w.at)
		require.True(f, i == 0 || ev.Puts[i-1].Key < r.Key, "Puts are not sorted")
	}
	for i, k := range ev.Deletes {
		require.False(f, told[k], "%q twice in one event", k)
		told[k] = true
		require.True(f, i == 0 || ev.Deletes[i-1] < k, "Deletes are not sorted")
		require.Contains(f, w.state, k[len(w.prefix):], "the deletion of a key that was not there")
	}
}

func (w *watched) apply(ev kv.RangeEvent) {
	w.at = ev.Version
	if ev.Reset {
		clear(w.state)
	}
	for _, r := range ev.Puts {
		w.state[r.Key[len(w.prefix):]] = string(r.Value)
	}
	for _, k := range ev.Deletes {
		delete(w.state, k[len(w.prefix):])
	}
}

type state = map[kv.Key]string

var watchPromises = []promise{
	{"WatchRange begins with the whole range and goes on with every change", func(f *fixture) {
		v := f.create(f.key("a"), "1")
		f.create(f.key("b"), "1")
		w := f.watch("")
		ev := w.next()
		require.True(f, ev.Reset)
		require.Equal(f, kv.Records{f.get(f.key("a")), f.get(f.key("b"))}, ev.Puts)
		for _, change := range []struct {
			do   func()
			want state
		}{
			{func() { v = f.cas(f.key("a"), v, "2") }, state{"a": "2", "b": "1"}},
			{func() { f.delete(f.key("b")) }, state{"a": "2"}},
			{func() { f.create(f.key("b"), "3") }, state{"a": "2", "b": "3"}},
			{func() { f.cas(f.key("a"), v, "3") }, state{"a": "3", "b": "3"}},
		} {
			change.do()
			ev = w.next()
			require.False(f, ev.Reset)
			require.Equal(f, change.want, w.state)
			if len(ev.Puts) > 0 {
				require.Equal(f, f.get(ev.Puts[0].Key), ev.Puts[0])
				require.Equal(f, ev.Puts[0].Version, ev.Version)
			}
		}
	}},
	{"every step is told, also what was undone at once", func(f *fixture) {
		w := f.watch("")
		w.next()
		v := f.create(f.key("k"), "1")
		f.cas(f.key("k"), v, "2")
		f.delete(f.key("k"))
		f.create(f.key("k"), "3")
		for _, want := range []state{{"k": "1"}, {"k": "2"}, {}, {"k": "3"}} {
			w.next()
			require.Equal(f, want, w.state)
		}
	}},
	{"WatchRange tells of no neighbour", func(f *fixture) {
		f.create(f.key("r"), "outside")
		w := f.watch("r/")
		require.Empty(f, w.next().Puts)
		for _, k := range f.keys("q", "r.", "r0", "r/a", "s") {
			f.create(k, "")
		}
		w.next()
		require.Equal(f, state{"r/a": ""}, w.state)
		for _, k := range f.keys("q", "r", "r.", "r0", "s", "r/a") {
			f.delete(k)
		}
		w.next()
		require.Empty(f, w.state)
	}},
	{"both ends of the range are watched", func(f *fixture) {
		rw, ok := kv.As[kv.RangeWatcher](f.far)
		if !ok {
			f.Skip("no kv.RangeWatcher")
		}
		w := f.watchRange(rw, f.key("b"), f.key("d"))
		w.next()
		for _, k := range f.keys("a", "b", "c", "d", "d\x00", "e") {
			f.create(k, "")
		}
		for range 3 {
			w.next()
		}
		require.Equal(f, state{"b": "", "c": "", "d": ""}, w.state)
		for _, k := range f.keys("d\x00", "d", "b") {
			f.delete(k)
		}
		w.next()
		w.next()
		require.Equal(f, state{"c": ""}, w.state)
	}},
	{"the release of a lease is one event", func(f *fixture) {
		l := f.lease(time.Minute, false)
		for _, k := range f.keys("c", "a", "b", "z") {
			f.bind(k, l)
		}
		f.create(f.key("d"), "")
		rw, ok := kv.As[kv.RangeWatcher](f.far)
		if !ok {
			f.Skip("no kv.RangeWatcher")
		}
		w := f.watchRange(rw, f.key("a"), f.key("d"))
		w.next()
		require.NoError(f, l.Release())
		require.Equal(f, f.keys("a", "b", "c"), w.next().Deletes)
		require.Equal(f, state{"d": ""}, w.state)
	}},
	{"the end of a lease is one event", func(f *fixture) {
		w := f.watch("")
		w.next()
		l := f.lease(f.ttl, false)
		for _, k := range f.keys("b", "a") {
			f.bind(k, l)
			w.next()
		}
		require.Equal(f, f.keys("a", "b"), w.next().Deletes)
	}},
	{"the values of events are the caller's own", func(f *fixture) {
		v := f.create(f.key("k"), "one")
		w, other := f.watch(""), f.watch("")
		w.next().Puts[0].Value[0] = 'X'
		require.Equal(f, "one", string(other.next().Puts[0].Value))
		require.Equal(f, "one", string(f.get(f.key("k")).Value))
		f.cas(f.key("k"), v, "two")
		w.next().Puts[0].Value[0] = 'X'
		require.Equal(f, "two", string(other.next().Puts[0].Value))
		require.Equal(f, "two", string(f.get(f.key("k")).Value))
		f.delete(f.key("k"))
		w.next().Deletes[0] = "X"
		require.Equal(f, f.keys("k"), other.next().Deletes)
	}},
	{"a range in which nothing can be is watched all the same", func(f *fixture) {
		rw, ok := kv.As[kv.RangeWatcher](f.far)
		if !ok {
			f.Skip("no kv.RangeWatcher")
		}
		f.create(f.key("k"), "")
		for _, c := range [][2]kv.Key{{f.key("a"), ""}, {f.key("z"), f.key("a")}} {
			w := f.watchRange(rw, c[0], c[1])
			ev := w.any()
			require.True(f, ev.Reset, "WatchRange(%q, %q)", c[0], c[1])
			require.Empty(f, ev.Puts)
			require.True(f, w.any().Progress)
			w.drain()
		}
	}},
}
