package kvtest

import (
	"context"
	"math"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

var leasePromises = []promise{
	{"a lease has an identity of its own, which is positive", func(f *fixture) {
		seen := map[kv.LeaseId]bool{}
		for i := range 20 {
			l, err := f.either(i).Lessor().NewLease(f.ctx, time.Minute, false)
			require.NoError(f, err)
			require.Positive(f, l.Id())
			require.False(f, seen[l.Id()], "lease %d was granted before", l.Id())
			seen[l.Id()] = true
			require.NoError(f, l.Release())
		}
	}},
	{"the Lessor is always the same", func(f *fixture) { require.True(f, f.st.Lessor() == f.st.Lessor()) }},
	{"a TTL that is not positive is ErrInvalid", func(f *fixture) {
		for _, ttl := range []time.Duration{0, -1, -time.Hour, math.MinInt64} {
			_, err := f.st.Lessor().NewLease(f.ctx, ttl, false)
			require.ErrorIs(f, err, kv.ErrInvalid, "NewLease(%v)", ttl)
		}
	}},
	{"a TTL is granted in full, and a short one is rounded up", func(f *fixture) {
		min := f.b.MinTTL // 2*min-1 is further from what a backend that rounds down would grant than any margin is
		for _, ttl := range []time.Duration{
			1, time.Millisecond, min, min + time.Millisecond, 2*min - 1, 5*min/2 + 1, time.Hour, 1000 * time.Hour,
		} {
			l := f.lease(ttl, false)
			margin := f.b.Margin + ttl/100
			if f.b.Margin == 0 {
				margin = 0
			}
			require.GreaterOrEqual(f, l.TTL(), max(ttl, min)-margin, "NewLease(%v).TTL() = %v", ttl, l.TTL())
		}
	}},
	{"the longest TTL is granted, or is ErrInvalid", func(f *fixture) {
		l, err := f.st.Lessor().NewLease(f.ctx, math.MaxInt64, false)
		if err != nil {
			require.ErrorIs(f, err, kv.ErrInvalid)
			return
		}
		defer l.Release()
		require.Greater(f, l.TTL(), 200*365*24*time.Hour)
		f.bind(f.key("k"), l)
		f.get(f.key("k"))
	}},
	{"TTL never tells more than the truth", func(f *fixture) {
		l := f.lease(f.ttl, false)
		granted := time.Now()
		left := l.TTL()
		require.GreaterOrEqual(f, left, f.ttl-f.b.Margin, "TTL() right after the grant of %v", f.ttl)
		v := f.bind(f.key("k"), l)
		require.Equal(f, deleted, f.result(f.arm(f.ctx, f.far, f.key("k"), v)))
		passed := time.Since(granted)
		require.GreaterOrEqual(f, passed, left, "the lease was over before its TTL")
		require.LessOrEqual(f, passed, left+f.b.Margin+f.b.Late, "the lease outlived its TTL")
		require.LessOrEqual(f, l.TTL(), time.Duration(0), "TTL() of a lease that is over")
	}},
	{"TTL of a lease that is not kept alive counts down", func(f *fixture) {
		l := f.lease(time.Minute, false)
		before := l.TTL()
		f.bind(f.key("k"), l)
		time.Sleep(200 * time.Millisecond)
		require.LessOrEqual(f, l.TTL(), before-200*time.Millisecond)
		require.GreaterOrEqual(f, l.TTL(), before-30*time.Second)
	}},
	{"nothing but keepAlive renews a lease", func(f *fixture) {
		start := time.Now()
		l := f.lease(f.ttl, false)
		v := f.bind(f.key("k"), l)
		for range 4 {
			time.Sleep(f.ttl / 8)
			v = f.cas(f.key("k"), v, "used")
			_, err := f.st.Lessor().GetLease(l.Id())
			require.NoError(f, err)
		}
		require.Equal(f, deleted, f.result(f.arm(f.ctx, f.far, f.key("k"), v)))
		late := f.b.Margin + f.b.Late + time.Second
		if f.b.FakeTime {
			late = f.b.Margin + f.b.Late + f.ttl/4 // half of what the last use would have added
		}
		require.LessOrEqual(f, time.Since(start), f.ttl+late)
	}},
	{"a lease kept alive outlives its TTL and the ctx of its grant", func(f *fixture) {
		ctx, cancel := context.WithCancel(f.ctx)
		l, err := f.st.Lessor().NewLease(ctx, f.ttl, true)
		require.NoError(f, err)
		defer l.Release()
		cancel()
		f.bind(f.key("k"), l)
		for range 6 { // what is tested is that time does nothing
			time.Sleep(f.ttl / 4)
			require.Positive(f, l.TTL())
		}
		f.get(f.key("k"))
		f.bind(f.key("l"), l)
	}},
	{"Release may be repeated, and the TTL is at zero then", func(f *fixture) {
		for _, keepAlive := range []bool{false, true} {
			l := f.lease(time.Minute, keepAlive)
			require.Positive(f, l.TTL())
			for range 3 {
				require.NoError(f, l.Release())
				require.LessOrEqual(f, l.TTL(), time.Duration(0))
			}
		}
	}},
	{"Release of a lease that was released is nil, also after Close", func(f *fixture) {
		l := f.lease(time.Minute, true)
		require.NoError(f, l.Release())
		f.close(f.st)
		require.NoError(f, l.Release())
	}},
	{"Release of a lease that ran out is nil", func(f *fixture) {
		l := f.lease(f.ttl, false)
		f.result(f.arm(f.ctx, f.far, f.key("k"), f.bind(f.key("k"), l)))
		require.NoError(f, l.Release())
	}},
	{"Release of a lease that another ended is nil", func(f *fixture) {
		l := f.lease(time.Minute, true)
		seen, err := f.far.Lessor().GetLease(l.Id())
		require.NoError(f, err)
		require.NoError(f, seen.Release())
		require.NoError(f, l.Release())
		require.NoError(f, seen.Release())
	}},
	{"StopKeepAlive leaves a lease to run out", func(f *fixture) {
		l := f.lease(f.ttl, true)
		s, ok := l.(interface{ StopKeepAlive() })
		if !ok {
			f.Skip("the backend's leases have no StopKeepAlive")
		}
		v := f.bind(f.key("k"), l)
		s.StopKeepAlive()
		s.StopKeepAlive()
		require.Positive(f, l.TTL())
		f.get(f.key("k"))
		require.Equal(f, deleted, f.result(f.arm(f.ctx, f.far, f.key("k"), v)))
		require.LessOrEqual(f, l.TTL(), time.Duration(0))
	}},
	{"Done is closed when the lease runs out, and not before", func(f *fixture) {
		l := f.lease(f.ttl, false)
		require.False(f, isDone(f.done(l)), "Done is closed from the start")
		<-f.done(l)
		require.LessOrEqual(f, l.TTL(), time.Duration(0))
		require.True(f, isDone(f.done(l)), "Done opened again")
	}},
	{"Done is closed by Release", func(f *fixture) {
		l := f.lease(time.Minute, true)
		asked := f.done(l)
		require.NoError(f, l.Release())
		require.True(f, isDone(asked))
		require.True(f, isDone(f.done(l)))
	}},
	{"Done of a lease kept alive stays open, until another ends the lease", func(f *fixture) {
		l := f.lease(f.ttl, true)
		done := f.done(l)
		time.Sleep(2 * f.ttl)
		require.False(f, isDone(done))
		seen, err := f.far.Lessor().GetLease(l.Id())
		require.NoError(f, err)
		require.NoError(f, seen.Release())
		<-done // at the next renewal
	}},
}

// done returns what the lease offers for its end, or skips the test.
func (f *fixture) done(l kv.Lease) <-chan struct{} {
	f.Helper()
	d, ok := l.(interface{ Done() <-chan struct{} })
	if !ok {
		f.Skip("the backend's leases have no Done")
	}
	return d.Done()
}

func isDone(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
