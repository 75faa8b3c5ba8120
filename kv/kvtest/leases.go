package kvtest

import (
	"context"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

var leaseCases = []Case{
	{"a lease's records go when it runs out, and not before", func(f *fixture) {
		start := time.Now()
		l := f.lease(f.b.MinTTL, false)
		v := f.bind(f.key("k"), l)
		f.bind(f.key("l"), l)
		f.untilGone(f.key("k"), v)
		require.GreaterOrEqual(f, time.Since(start), f.b.MinTTL)
		f.absent(f.key("l"))
		_, err := f.st.Lessor().GetLease(l.Id())
		require.ErrorIs(f, err, kv.ErrWrongLeaseId)
		require.LessOrEqual(f, l.TTL(), time.Duration(0), "TTL of a lease that is over")
	}},
	{"TTL never tells more than the truth", func(f *fixture) {
		l := f.lease(f.b.MinTTL, false)
		granted := time.Now()
		left := l.TTL()
		require.GreaterOrEqual(f, left, f.b.MinTTL-f.b.Margin, "TTL() = %v right after the grant, want %v less the margin", left, f.b.MinTTL)
		v := f.bind(f.key("k"), l)
		f.untilGone(f.key("k"), v)
		require.GreaterOrEqual(f, time.Since(granted), left, "the lease was over before its TTL")
		if f.b.FakeTime {
			require.Equal(f, left, time.Since(granted), "how late the lease was over")
		}
	}},
	{"a short TTL is rounded up, never down", func(f *fixture) {
		for _, ttl := range []time.Duration{1, time.Millisecond, f.b.MinTTL + time.Millisecond} {
			l := f.lease(ttl, false)
			require.GreaterOrEqual(f, l.TTL(), ttl-f.b.Margin, "NewLease(%v).TTL()", ttl)
		}
	}},
	{"a TTL that is not positive is ErrInvalid", func(f *fixture) {
		for _, ttl := range []time.Duration{0, -1, -time.Hour} {
			_, err := f.st.Lessor().NewLease(f.ctx, ttl, false)
			require.ErrorIs(f, err, kv.ErrInvalid, "NewLease(%v)", ttl)
		}
	}},
	{"a lease kept alive outlives its TTL and the ctx of its grant", func(f *fixture) {
		ctx, cancel := context.WithCancel(f.ctx)
		l, err := f.st.Lessor().NewLease(ctx, f.b.MinTTL, true)
		require.NoError(f, err)
		defer l.Release()
		cancel()
		f.bind(f.key("k"), l)
		time.Sleep(2 * f.b.MinTTL) // what is tested is that time does nothing
		require.Positive(f, l.TTL())
		_, err = f.far.Get(f.ctx, f.key("k"))
		require.NoError(f, err)
	}},
	{"StopKeepAlive leaves a lease to run out", func(f *fixture) {
		l := f.lease(f.b.MinTTL, true)
		s, ok := l.(interface{ StopKeepAlive() })
		if !ok {
			f.Skip("the backend's leases have no StopKeepAlive")
		}
		v := f.bind(f.key("k"), l)
		s.StopKeepAlive()
		_, err := f.far.Get(f.ctx, f.key("k"))
		require.NoError(f, err, "the record went at once")
		f.untilGone(f.key("k"), v)
	}},
	{"Done is closed when the lease is over", func(f *fixture) {
		l := f.lease(f.b.MinTTL, false)
		d, ok := l.(interface{ Done() <-chan struct{} })
		if !ok {
			f.Skip("the backend's leases have no Done")
		}
		select {
		case <-d.Done():
			require.FailNow(f, "Done is closed from the start")
		default:
		}
		<-d.Done()
		require.LessOrEqual(f, l.TTL(), time.Duration(0))
	}},
	{"Release removes the lease's records and no others, and may be repeated", func(f *fixture) {
		l := f.lease(time.Minute, true)
		f.bind(f.key("a"), l)
		f.bind(f.key("b"), l)
		f.create(f.key("c"), "")
		require.NoError(f, l.Release())
		f.absent(f.key("a"))
		f.absent(f.key("b"))
		_, err := f.st.Get(f.ctx, f.key("c"))
		require.NoError(f, err)
		require.NoError(f, l.Release(), "again")
		require.LessOrEqual(f, l.TTL(), time.Duration(0))
	}},
	{"GetLease finds another process's lease, which can be released through it", func(f *fixture) {
		l := f.lease(time.Minute, true)
		f.bind(f.key("k"), l)
		seen, err := f.far.Lessor().GetLease(l.Id())
		require.NoError(f, err)
		require.Equal(f, l.Id(), seen.Id())
		require.LessOrEqual(f, seen.TTL(), time.Minute)
		require.Greater(f, seen.TTL(), 50*time.Second)
		require.NoError(f, seen.Release())
		f.absent(f.key("k"))
		_, err = f.far.Lessor().GetLease(l.Id())
		require.ErrorIs(f, err, kv.ErrWrongLeaseId)
	}},
	{"GetLease of one's own lease is the same handle", func(f *fixture) {
		l := f.lease(time.Minute, false)
		same, err := f.st.Lessor().GetLease(l.Id())
		require.NoError(f, err)
		require.Same(f, l, same)
	}},
	{"a lease that never was, or is over, is ErrWrongLeaseId", func(f *fixture) {
		l := f.lease(time.Minute, false)
		require.NoError(f, l.Release())
		for _, id := range []kv.LeaseId{l.Id(), 1, 1 << 60, -1} {
			_, err := f.st.Create(f.ctx, kv.Record{Key: f.key("k"), Lease: id})
			require.ErrorIs(f, err, kv.ErrWrongLeaseId, "Create under lease %d", id)
		}
		f.absent(f.key("k"))
		for _, id := range []kv.LeaseId{l.Id(), kv.NoLeaseId, 1, -1} {
			_, err := f.st.Lessor().GetLease(id)
			require.ErrorIs(f, err, kv.ErrWrongLeaseId, "GetLease(%d)", id)
		}
	}},
	{"a present key wins over a dead lease", func(f *fixture) {
		v := f.create(f.key("k"), "")
		got, err := f.st.Create(f.ctx, kv.Record{Key: f.key("k"), Lease: 1 << 60})
		require.ErrorIs(f, err, kv.ErrAlreadyExists)
		require.Equal(f, v, got)
	}},
	{"CasByVersion keeps the lease and ignores the argument's", func(f *fixture) {
		l, other := f.lease(time.Minute, false), f.lease(time.Minute, false)
		v := f.bind(f.key("k"), l)
		for _, id := range []kv.LeaseId{kv.NoLeaseId, other.Id(), 1 << 60} {
			next, err := f.st.CasByVersion(f.ctx, kv.Record{Key: f.key("k"), Version: v, Lease: id})
			require.NoError(f, err, "CasByVersion with lease %d", id)
			v = next
		}
		rec, err := f.st.Get(f.ctx, f.key("k"))
		require.NoError(f, err)
		require.Equal(f, l.Id(), rec.Lease)
		require.NoError(f, other.Release())
		_, err = f.st.Get(f.ctx, f.key("k"))
		require.NoError(f, err)
		require.NoError(f, l.Release())
		f.absent(f.key("k"))
	}},
	{"a deleted record is not the lease's any more", func(f *fixture) {
		l := f.lease(time.Minute, false)
		f.bind(f.key("k"), l)
		f.delete(f.key("k"))
		f.create(f.key("k"), "free")
		require.NoError(f, l.Release())
		_, err := f.st.Get(f.ctx, f.key("k"))
		require.NoError(f, err)
	}},
}
