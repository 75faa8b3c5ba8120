package kvtest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

var boundPromises = []promise{
	{"a lease's records go when it runs out, and not before", func(f *fixture) {
		start := time.Now()
		l := f.lease(f.ttl, false)
		v := f.bind(f.key("k"), l)
		f.bind(f.key("l"), l)
		f.create(f.key("m"), "free")
		require.Equal(f, deleted, f.result(f.arm(f.ctx, f.far, f.key("k"), v)))
		require.GreaterOrEqual(f, time.Since(start), f.ttl)
		require.Equal(f, []string{"m"}, f.names(f.all(f.far)))
		_, err := f.st.Lessor().GetLease(l.Id())
		require.ErrorIs(f, err, kv.ErrWrongLeaseId)
		_, err = f.st.Create(f.ctx, kv.Record{Key: f.key("n"), Lease: l.Id()})
		require.ErrorIs(f, err, kv.ErrWrongLeaseId)
	}},
	{"Release removes the lease's records and no others", func(f *fixture) {
		l, other := f.lease(time.Minute, true), f.lease(time.Minute, true)
		f.bind(f.key("a"), l)
		f.bind(f.key("b"), other)
		f.create(f.key("c"), "")
		f.bind(f.key("d"), l)
		require.NoError(f, l.Release())
		require.Equal(f, []string{"b", "c"}, f.names(f.all(f.far)))
	}},
	{"records that any client bound go with the lease", func(f *fixture) {
		l := f.lease(time.Minute, false)
		for i := range 4 {
			_, err := f.either(i).Create(f.ctx, kv.Record{Key: f.key(fmt.Sprint(i)), Lease: l.Id()})
			require.NoError(f, err)
		}
		require.NoError(f, l.Release())
		require.Empty(f, f.all(f.far))
	}},
	{"a lease without records ends as well", func(f *fixture) {
		l := f.lease(f.ttl, false)
		require.NoError(f, f.lease(time.Minute, true).Release())
		deadline := time.Now().Add(f.ttl + f.b.Margin + f.b.Late + time.Second)
		for {
			_, err := f.far.Lessor().GetLease(l.Id())
			if err != nil {
				require.ErrorIs(f, err, kv.ErrWrongLeaseId)
				return
			}
			require.True(f, time.Now().Before(deadline), "the lease is still there")
			time.Sleep(f.ttl / 10)
		}
	}},
	{"what a lease held can be taken by others at once", func(f *fixture) {
		l := f.lease(time.Minute, true)
		v := f.bind(f.key("k"), l)
		c := f.wait(f.ctx, f.far, f.key("k"), v)
		require.NoError(f, l.Release())
		require.Equal(f, deleted, f.result(c))
		_, err := f.far.Create(f.ctx, kv.Record{Key: f.key("k")})
		require.NoError(f, err)
		require.NoError(f, l.Release(), "again, with the key in other hands")
		f.get(f.key("k"))
	}},
	{"the records of a lease that is released go in one step", func(f *fixture) {
		l := f.lease(time.Minute, false)
		f.goTogether(l, func(int) {}, func() { require.NoError(f, l.Release()) })
	}},
	{"the records of a lease that runs out go in one step", func(f *fixture) {
		rest := func(int) { time.Sleep(time.Millisecond) }
		if f.b.FakeTime { // the lease runs out in one moment, with the fourth rest: read on in that moment
			rest = func(i int) {
				if i <= 4 {
					time.Sleep(f.ttl / 4)
				} else if i%500 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		}
		f.goTogether(f.lease(f.ttl, false), rest, func() {})
	}},
}

// goTogether binds records to the lease, and reads them again and again, with a rest after each time, until end, or time, has ended
// the lease: all are there, or none.
func (f *fixture) goTogether(l kv.Lease, rest func(i int), end func()) {
	f.Helper()
	const n = 50
	f.together(10, func(w int) error {
		for i := w; i < n; i += 10 {
			if _, err := f.st.Create(f.ctx, kv.Record{Key: f.key(fmt.Sprint(i)), Lease: l.Id()}); err != nil {
				return err
			}
		}
		return nil
	})
	f.together(5, func(w int) error {
		if w == 0 {
			end()
			return nil
		}
		start, stop := kv.PrefixRange(f.base)
		for i := 1; ; i++ {
			recs, err := f.either(w).GetRange(f.ctx, start, stop)
			switch {
			case err != nil:
				return err
			case len(recs) == 0:
				return nil
			case len(recs) != n:
				return fmt.Errorf("%d of %d records are left", len(recs), n)
			}
			rest(i)
		}
	})
}

var getLeasePromises = []promise{
	{"GetLease of one's own lease is the same handle", func(f *fixture) {
		for _, keepAlive := range []bool{false, true} {
			l := f.lease(time.Minute, keepAlive)
			same, err := f.st.Lessor().GetLease(l.Id())
			require.NoError(f, err)
			require.True(f, l == same, "GetLease returned another handle")
		}
	}},
	{"GetLease finds another process's lease, which can be released through it", func(f *fixture) {
		l := f.lease(time.Minute, true)
		f.bind(f.key("k"), l)
		seen, err := f.far.Lessor().GetLease(l.Id())
		require.NoError(f, err)
		require.Equal(f, l.Id(), seen.Id())
		require.LessOrEqual(f, seen.TTL(), time.Minute)
		require.Greater(f, seen.TTL(), 30*time.Second)
		require.NoError(f, seen.Release())
		require.LessOrEqual(f, seen.TTL(), time.Duration(0))
		f.absent(f.key("k"))
		for i := range 2 {
			_, err = f.either(i).Lessor().GetLease(l.Id())
			require.ErrorIs(f, err, kv.ErrWrongLeaseId)
		}
	}},
	{"a snapshot of a lease counts down, also while the lease is kept alive", func(f *fixture) {
		l := f.lease(f.ttl, true)
		seen, err := f.far.Lessor().GetLease(l.Id())
		require.NoError(f, err)
		first := seen.TTL()
		require.LessOrEqual(f, first, f.ttl)
		time.Sleep(f.ttl / 2)
		require.LessOrEqual(f, seen.TTL(), first-f.ttl/2)
		time.Sleep(f.ttl)
		require.LessOrEqual(f, seen.TTL(), time.Duration(0))
		require.Positive(f, l.TTL())
		require.NoError(f, seen.Release(), "a snapshot whose time is over still ends the lease")
		_, err = f.far.Lessor().GetLease(l.Id())
		require.ErrorIs(f, err, kv.ErrWrongLeaseId)
	}},
	{"a snapshot of a lease that is not kept alive tells the time left", func(f *fixture) {
		l := f.lease(2*f.ttl, false)
		v := f.bind(f.key("k"), l)
		time.Sleep(f.ttl / 2)
		seen, err := f.far.Lessor().GetLease(l.Id())
		require.NoError(f, err)
		left, from := seen.TTL(), time.Now()
		require.LessOrEqual(f, left, 2*f.ttl-f.ttl/2)
		require.Equal(f, deleted, f.result(f.arm(f.ctx, f.far, f.key("k"), v)))
		require.GreaterOrEqual(f, time.Since(from), left, "the lease was over before the snapshot's TTL")
	}},
	{"GetLease of a lease that never was, or is over, is ErrWrongLeaseId", func(f *fixture) {
		l := f.lease(time.Minute, false)
		require.NoError(f, l.Release())
		for _, id := range []kv.LeaseId{l.Id(), kv.NoLeaseId, 1, 1 << 60, -1} {
			_, err := f.st.Lessor().GetLease(id)
			require.ErrorIs(f, err, kv.ErrWrongLeaseId, "GetLease(%d)", id)
		}
	}},
}
