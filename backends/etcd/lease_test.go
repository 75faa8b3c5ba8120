package etcd

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/internal/bubble"
)

// loneLease is a lease of a storage that never calls anybody.
func loneLease(granted time.Duration) *lease {
	s := &Storage{}
	s.lessor = &lessor{s: s}
	return newLease(s, 1, granted, granted, time.Now())
}

func TestTTLLeavesAMarginForClockRates(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		short, long := loneLease(2*time.Second), loneLease(time.Minute)
		require.Equal(t, 1950*time.Millisecond, short.TTL())
		require.Equal(t, 59400*time.Millisecond, long.TTL())
		time.Sleep(1950 * time.Millisecond)
		require.Zero(t, short.TTL())
		time.Sleep(time.Second)
		require.Equal(t, -time.Second, short.TTL())
	})
}

func TestTTLBelievesTheClockThatSaysMore(t *testing.T) {
	l := loneLease(time.Minute)
	l.sent = l.sent.Round(0).Add(-20 * time.Second) // the wall clock alone: as after a suspend
	require.InDelta(t, 39.4, l.TTL().Seconds(), 0.5)
	l.over = true
	require.Zero(t, l.TTL())
}

func TestTTLCountsFromTheLastRenewalSent(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		l := loneLease(10 * time.Second)
		sent := time.Now()
		time.Sleep(3 * time.Second) // the answer takes its time
		l.renewed(sent, 10*time.Second)
		require.Equal(t, 6900*time.Millisecond, l.TTL())
		l.renewed(time.Now(), 10*time.Second)
		l.renewed(sent, 10*time.Second) // an older answer, late
		require.Equal(t, 9900*time.Millisecond, l.TTL())
	})
}

func TestDoneClosesWhenTheTimeIsUp(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		l := loneLease(10 * time.Second)
		done := l.Done()
		start := time.Now()
		time.Sleep(5 * time.Second)
		l.renewed(time.Now(), 10*time.Second)
		<-done
		require.Equal(t, 14900*time.Millisecond, time.Since(start), "5 s, and 10 s less the margin")
		require.Equal(t, done, l.Done())
	})
}

func TestTTLsAreRoundedUp(t *testing.T) {
	for d, n := range map[time.Duration]int64{
		1: 1, time.Second: 1, time.Second + 1: 2, 1500 * time.Millisecond: 2, time.Hour: 3600, 1<<63 - 1: 9223372037,
	} {
		require.Equal(t, n, wholeSeconds(d), "%v", d)
	}
}

func TestRenewalsAreSpreadBelowAThird(t *testing.T) {
	for range 1000 {
		d := interval(3 * time.Second)
		require.LessOrEqual(t, d, time.Second)
		require.GreaterOrEqual(t, d, 900*time.Millisecond)
	}
}

func TestPagesFollowTheSizeOfTheRecords(t *testing.T) {
	require.EqualValues(t, 1000, pageLimit(256, 256*10), "small ones: as many as a page may have")
	require.EqualValues(t, 1, pageLimit(3, 3<<20), "large ones: one by one")
	require.InDelta(t, 204, pageLimit(256, 256*10<<10), 1)
	require.EqualValues(t, 1000, pageLimit(1, 0))
}

func TestBackoffIsBoundedAndJittered(t *testing.T) {
	for n := range 100 {
		d := jittered(n, 10*time.Millisecond, time.Second)
		require.GreaterOrEqual(t, d, 5*time.Millisecond)
		require.LessOrEqual(t, d, time.Second)
	}
}
