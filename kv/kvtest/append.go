package kvtest

import (
	"context"
	"strings"
	"sync"
	"time"

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
func (f *fixture) join(name string) (v kv.Version, prev kv.Record, ahead int) {
	f.Helper()
	start, end := kv.PrefixRange(f.key("q/"))
	v, prev, ahead, err := f.appender().Append(f.ctx, kv.Record{Key: f.key("q/" + name), Value: kv.Value(name)}, start, end)
	require.NoError(f, err, "Append(%q)", name)
	return v, prev, ahead
}

var appendPromises = []promise{
	{"Append creates a record, and tells who was created last before it, and how many there are", func(f *fixture) {
		v, prev, ahead := f.join("z")
		require.Equal(f, kv.Record{}, prev)
		require.Zero(f, ahead)
		require.Equal(f, kv.Record{Key: f.key("q/z"), Value: kv.Value("z"), Version: v}, f.get(f.key("q/z")))
		second, prev, ahead := f.join("a")
		require.Greater(f, second, v)
		require.Equal(f, f.get(f.key("q/z")), prev)
		require.Equal(f, 1, ahead)
		for _, k := range f.keys("p", "q", "q.", "q0") {
			f.create(k, "a neighbour")
		}
		_, prev, ahead = f.join("m")
		require.Equal(f, f.get(f.key("q/a")), prev)
		require.Equal(f, 2, ahead)
	}},
	{"Append goes by creation, which a CAS does not change", func(f *fixture) {
		v, _, _ := f.join("a")
		f.join("b")
		f.cas(f.key("q/a"), v, "changed")
		_, prev, _ := f.join("c")
		require.Equal(f, f.key("q/b"), prev.Key)
		f.delete(f.key("q/c"))
		f.delete(f.key("q/b"))
		_, prev, ahead := f.join("d")
		require.Equal(f, f.get(f.key("q/a")), prev)
		require.Equal(f, "changed", string(prev.Value))
		require.Equal(f, 1, ahead)
	}},
	{"Append goes by the last creation of a key", func(f *fixture) {
		f.join("a")
		f.join("b")
		f.delete(f.key("q/a"))
		f.join("a")
		_, prev, _ := f.join("c")
		require.Equal(f, f.key("q/a"), prev.Key)
	}},
	{"Append binds to a lease, and ignores the record's version", func(f *fixture) {
		l := f.lease(time.Minute, false)
		start, end := kv.PrefixRange(f.base)
		_, _, _, err := f.appender().Append(f.ctx, kv.Record{Key: f.key("k"), Lease: l.Id(), Version: 1 << 60}, start, end)
		require.NoError(f, err)
		_, prev, _, err := f.appender().Append(f.ctx, kv.Record{Key: f.key("l")}, start, end)
		require.NoError(f, err)
		require.Equal(f, l.Id(), prev.Lease)
		require.NoError(f, l.Release())
		f.absent(f.key("k"))
		f.get(f.key("l"))
	}},
	{"Append fails as Create does", func(f *fixture) {
		v, _, _ := f.join("a")
		start, end := kv.PrefixRange(f.base)
		try := func(rec kv.Record) (kv.Version, error) {
			got, prev, ahead, err := f.appender().Append(f.ctx, rec, start, end)
			require.Equal(f, kv.Record{}, prev)
			require.Zero(f, ahead)
			f.requireOp(err, "append", rec.Key)
			return got, err
		}
		got, err := try(kv.Record{Key: f.key("q/a"), Lease: 1 << 60})
		require.ErrorIs(f, err, kv.ErrAlreadyExists)
		require.Equal(f, v, got)
		_, err = try(kv.Record{Key: f.key("q/b"), Lease: 1 << 60})
		require.ErrorIs(f, err, kv.ErrWrongLeaseId)
		_, err = try(kv.Record{})
		require.ErrorIs(f, err, kv.ErrInvalid)
		_, err = try(kv.Record{Key: kv.Key(strings.Repeat("k", kv.MaxKeyLen+1))})
		require.ErrorIs(f, err, kv.ErrTooLarge)
		_, err = try(kv.Record{Key: f.key("q/b"), Value: make(kv.Value, kv.MaxValueLen+1)})
		require.ErrorIs(f, err, kv.ErrTooLarge)
		require.Equal(f, []string{"q/a"}, f.names(f.all(f.far)))
	}},
	{"Append checks ctx and Close as every call", func(f *fixture) {
		a := f.appender()
		over, cancel := context.WithCancel(f.ctx)
		cancel()
		rec := kv.Record{Key: f.key("k")}
		var none context.Context
		_, _, _, err := a.Append(none, rec, f.base, f.base)
		require.ErrorIs(f, err, kv.ErrInvalid)
		_, _, _, err = a.Append(over, rec, f.base, f.base)
		require.ErrorIs(f, err, context.Canceled)
		f.absent(f.key("k"))
		f.close(f.st)
		_, _, _, err = a.Append(over, rec, f.base, f.base)
		require.ErrorIs(f, err, kv.ErrClosed)
	}},
	{"the ends of Append's range are included and may be any strings", func(f *fixture) {
		for _, k := range f.keys("b", "d", "f") {
			f.create(k, "")
		}
		for i, c := range []struct {
			start, end kv.Key
			ahead      int
			prev       kv.Key
		}{
			{f.key("b"), f.key("d"), 2, f.key("d")},
			{f.key("d"), f.key("d"), 1, f.key("d")},
			{f.key("c"), f.key("f\xff"), 2, f.key("f")},
			{f.key("g"), f.key("a"), 0, ""},
			{f.key("b"), "", 0, ""},
			{"", "", 0, ""},
		} {
			_, prev, ahead, err := f.appender().Append(f.ctx, kv.Record{Key: f.key("z" + string(rune('a'+i)))}, c.start, c.end)
			require.NoError(f, err, "Append in (%q, %q)", c.start, c.end)
			require.Equal(f, c.ahead, ahead, "Append in (%q, %q)", c.start, c.end)
			require.Equal(f, c.prev, prev.Key, "Append in (%q, %q)", c.start, c.end)
		}
	}},
	{"of many that append at once each finds another one before it", func(f *fixture) {
		f.appender()
		const clients = 20
		var mu sync.Mutex
		followed := map[kv.Key]int{}
		seen := map[int]bool{}
		f.together(clients, func(i int) error {
			_, prev, ahead := f.join(string(rune('a' + i)))
			mu.Lock()
			defer mu.Unlock()
			followed[prev.Key]++
			seen[ahead] = true
			return nil
		})
		require.Len(f, followed, clients, "each predecessor once, and nobody for the first: %v", followed)
		require.Len(f, seen, clients, "how many were ahead: %v", seen)
	}},
}
