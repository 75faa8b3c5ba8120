package again

import (
	"context"
	"testing"
	"testing/cryptotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/internal/bubble"
)

func TestBackoffDoublesUpToItsMostAndIsJitteredByHalf(t *testing.T) {
	b := New(time.Second, 5*time.Second)
	for range 3 {
		for _, whole := range []time.Duration{1, 2, 4, 5, 5} {
			d := b.Next()
			require.GreaterOrEqual(t, d, whole*time.Second/2)
			require.Less(t, d, whole*time.Second)
		}
		b.Reset()
	}
	require.Less(t, New(time.Second, 0).Next(), time.Second, "the most is not less than the first")
}

func TestBackoffBeginsAnewAfterATryThatLasted(t *testing.T) {
	b := New(time.Second, time.Minute)
	b.Next()
	b.Lasted(2 * time.Second)
	require.GreaterOrEqual(t, b.Next(), time.Second)
	b.Lasted(5 * time.Second)
	require.Less(t, b.Next(), time.Second)
}

func TestWaitEndsWithItsContext(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		start := time.Now()
		require.NoError(t, Pause(t.Context(), time.Second))
		require.Equal(t, time.Second, time.Since(start))
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.ErrorIs(t, New(time.Hour, time.Hour).Wait(ctx), context.DeadlineExceeded)
		require.ErrorIs(t, Pause(ctx, 0), context.DeadlineExceeded)
	})
}

func TestASeedGivesTheSameWaits(t *testing.T) {
	waits := func() (all []time.Duration) {
		cryptotest.SetGlobalRandom(t, 1)
		for b := New(time.Second, time.Minute); len(all) < 8; {
			all = append(all, b.Next(), UpTo(time.Hour))
		}
		return all
	}
	require.Equal(t, waits(), waits())
}

func TestUpToIsBelowItsBound(t *testing.T) {
	for range 100 {
		require.GreaterOrEqual(t, UpTo(3), time.Duration(0))
		require.Less(t, UpTo(3), time.Duration(3))
	}
	require.Zero(t, UpTo(0))
	require.Zero(t, UpTo(-time.Second))
}
