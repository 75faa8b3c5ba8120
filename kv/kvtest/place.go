package kvtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

// placeReader returns the storage's PlaceReader, or skips the test.
func (f *fixture) placeReader() kv.PlaceReader {
	f.Helper()
	p, ok := kv.As[kv.PlaceReader](f.st)
	if !ok {
		f.Skip("no kv.PlaceReader")
	}
	return p
}

// place reads a place in the queue of this test, and requires that the record is there as it is stored.
func (f *fixture) place(name string, created kv.Version) (prev kv.Record) {
	f.Helper()
	start, end := kv.PrefixRange(f.key("q/"))
	own, prev, err := f.placeReader().ReadPlace(f.ctx, f.key("q/"+name), created, start, end)
	require.NoError(f, err, "ReadPlace(%q)", name)
	require.Equal(f, f.get(f.key("q/"+name)), own)
	return prev
}

var placePromises = []promise{
	{"ReadPlace returns the record, and who was created last of those before it", func(f *fixture) {
		f.placeReader()
		z, a, m := f.create(f.key("q/z"), "1st"), f.create(f.key("q/a"), "2nd"), f.create(f.key("q/m"), "3rd")
		for _, k := range f.keys("p", "q", "q.", "q0") {
			f.create(k, "a neighbour")
		}
		require.Equal(f, kv.Record{}, f.place("z", z))
		require.Equal(f, f.get(f.key("q/z")), f.place("a", a))
		require.Equal(f, f.get(f.key("q/a")), f.place("m", m))
		f.delete(f.key("q/a"))
		require.Equal(f, f.get(f.key("q/z")), f.place("m", m))
		f.delete(f.key("q/z"))
		require.Equal(f, kv.Record{}, f.place("m", m), "who is first has nobody before it")
	}},
	{"ReadPlace goes by creation, which a CAS does not change", func(f *fixture) {
		f.placeReader()
		a, b := f.create(f.key("q/a"), ""), f.create(f.key("q/b"), "")
		c := f.create(f.key("q/c"), "")
		f.cas(f.key("q/a"), a, "changed")
		f.cas(f.key("q/c"), c, "changed")
		require.Equal(f, f.key("q/b"), f.place("c", c).Key)
		f.cas(f.key("q/b"), b, "changed")
		require.Equal(f, f.get(f.key("q/b")), f.place("c", c))
		f.delete(f.key("q/b"))
		require.Equal(f, f.get(f.key("q/a")), f.place("c", c))
		require.Equal(f, kv.Record{}, f.place("a", a))
	}},
	{"ReadPlace goes by the last creation of a key", func(f *fixture) {
		f.placeReader()
		f.create(f.key("q/a"), "")
		b := f.create(f.key("q/b"), "")
		f.delete(f.key("q/a"))
		a := f.create(f.key("q/a"), "")
		require.Equal(f, kv.Record{}, f.place("b", b))
		require.Equal(f, f.key("q/b"), f.place("a", a).Key)
	}},
	{"ReadPlace looks before any version, and never at the record itself", func(f *fixture) {
		f.placeReader()
		a, b := f.create(f.key("q/a"), ""), f.create(f.key("q/b"), "")
		for _, c := range []struct {
			created kv.Version
			prev    kv.Key
		}{
			{b, f.key("q/a")}, {b + 1, f.key("q/a")}, {math.MaxInt64, f.key("q/a")}, {a + 1, f.key("q/a")}, {a, ""}, {1, ""}, {0, ""}, {-1, ""},
			{math.MinInt64, ""},
		} {
			require.Equal(f, c.prev, f.place("b", c.created).Key, "before %d; a has %d and b %d", c.created, a, b)
		}
		require.Equal(f, f.key("q/b"), f.place("a", math.MaxInt64).Key)
		f.delete(f.key("q/b"))
		require.Equal(f, kv.Record{}, f.place("a", math.MaxInt64))
	}},
	{"ReadPlace tells the leases of both", func(f *fixture) {
		p, l := f.placeReader(), f.lease(time.Minute, false)
		start, end := kv.PrefixRange(f.base)
		for _, k := range f.keys("a", "b") {
			_, err := f.st.Create(f.ctx, kv.Record{Key: k, Lease: l.Id()})
			require.NoError(f, err)
		}
		own, prev, err := p.ReadPlace(f.ctx, f.key("b"), f.get(f.key("b")).Version, start, end)
		require.NoError(f, err)
		require.Equal(f, l.Id(), own.Lease)
		require.Equal(f, l.Id(), prev.Lease)
		require.NoError(f, l.Release())
		_, _, err = p.ReadPlace(f.ctx, f.key("b"), own.Version, start, end)
		require.ErrorIs(f, err, kv.ErrNotFound)
	}},
	{"ReadPlace fails as Get does", func(f *fixture) {
		start, end := kv.PrefixRange(f.base)
		f.create(f.key("q/a"), "")
		try := func(ctx context.Context, st kv.PlaceReader, key kv.Key) error {
			own, prev, err := st.ReadPlace(ctx, key, math.MaxInt64, start, end)
			require.Equal(f, kv.Record{}, own)
			require.Equal(f, kv.Record{}, prev)
			f.requireOp(err, "read place", key)
			return err
		}
		p := f.placeReader()
		over, cancel := context.WithCancel(f.ctx)
		cancel()
		var none context.Context
		require.ErrorIs(f, try(f.ctx, p, f.key("absent")), kv.ErrNotFound)
		require.ErrorIs(f, try(f.ctx, p, ""), kv.ErrInvalid)
		require.ErrorIs(f, try(f.ctx, p, kv.Key(strings.Repeat("k", kv.MaxKeyLen+1))), kv.ErrTooLarge)
		require.ErrorIs(f, try(none, p, f.key("q/a")), kv.ErrInvalid)
		require.ErrorIs(f, try(over, p, f.key("q/a")), context.Canceled)
		f.close(f.st)
		require.ErrorIs(f, try(over, p, f.key("q/a")), kv.ErrClosed)
	}},
	{"the ends of ReadPlace's range are included and may be any strings", func(f *fixture) {
		p := f.placeReader()
		for _, k := range f.keys("b", "d", "f", "own") {
			f.create(k, "")
		}
		for _, c := range []struct{ start, end, prev kv.Key }{
			{f.key("b"), f.key("d"), f.key("d")},
			{f.key("d"), f.key("d"), f.key("d")},
			{f.key("c"), f.key("f\xff"), f.key("f")},
			{f.key("b"), f.key("c"), f.key("b")},
			{f.key("g"), f.key("a"), ""},
			{f.key("b"), "", ""},
			{"", "", ""},
		} {
			own, prev, err := p.ReadPlace(f.ctx, f.key("own"), math.MaxInt64, c.start, c.end)
			require.NoError(f, err, "ReadPlace in (%q, %q)", c.start, c.end)
			require.Equal(f, f.key("own"), own.Key, "ReadPlace in (%q, %q)", c.start, c.end)
			require.Equal(f, c.prev, prev.Key, "ReadPlace in (%q, %q)", c.start, c.end)
		}
	}},
	{"ReadPlace returns values that are the caller's", func(f *fixture) {
		f.placeReader()
		f.create(f.key("q/a"), "first")
		b := f.create(f.key("q/b"), "second")
		start, end := kv.PrefixRange(f.key("q/"))
		own, prev, err := f.placeReader().ReadPlace(f.ctx, f.key("q/b"), b, start, end)
		require.NoError(f, err)
		clear(own.Value)
		clear(prev.Value)
		require.Equal(f, "first", string(f.place("b", b).Value))
		require.Equal(f, "second", string(f.get(f.key("q/b")).Value))
	}},
	{"ReadPlace reads one moment", func(f *fixture) {
		// The place is written after the one before it, each time: nobody may see it ahead, or more than one step behind.
		f.placeReader()
		f.create(f.key("before"), "")
		created := f.create(f.key("own"), "")
		start, end := kv.PrefixRange(f.base)
		var stop atomic.Bool
		f.together(5, func(i int) error {
			if i == 0 {
				defer stop.Store(true)
				for range 60 {
					if err := errors.Join(increment(f.ctx, f.st, f.key("before")), increment(f.ctx, f.st, f.key("own"))); err != nil {
						return err
					}
				}
				return nil
			}
			p, _ := kv.As[kv.PlaceReader](f.either(i))
			for !stop.Load() {
				own, prev, err := p.ReadPlace(f.ctx, f.key("own"), created, start, end)
				if err != nil {
					return err
				}
				if behind := len(prev.Value) - len(own.Value); behind < 0 || behind > 1 {
					return fmt.Errorf("the place is %d steps behind the one before it", behind)
				}
			}
			return nil
		})
	}},
}
