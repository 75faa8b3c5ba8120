package decorators

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/intercept"
)

func TestCountsEachCallByItsOperation(t *testing.T) {
	st, _ := withRecord(t)
	c := count.New(st)
	for op := range everyCall(t, c) {
		require.Equal(t, 1, c.Of(op), op)
	}
	require.Equal(t, 12, c.Total())
	_, err := c.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, 2, c.Of(intercept.OpGet))
	require.Equal(t, 13, c.Reset())
	require.Zero(t, c.Total())
	require.Zero(t, c.Of(intercept.OpGet))
}

func TestCountsABlockedWaitAndAWatchOnceWhenMade(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st := memory.New(nil)
		defer st.Close()
		c := count.New(st)
		v, err := c.Create(t.Context(), kv.Record{Key: "k"})
		require.NoError(t, err)
		c.Reset()
		ctx, cancel := context.WithCancel(t.Context())
		rw, _ := kv.As[kv.RangeWatcher](c)
		go func() {
			for range rw.WatchRange(ctx, "k", "l") {
			}
		}()
		go func() { _, _ = c.WaitForVersionChange(ctx, "k", v) }()
		synctest.Wait()
		require.Equal(t, 1, c.Of(intercept.OpWait))
		require.Equal(t, 1, c.Of(intercept.OpWatchRange))
		time.Sleep(time.Hour)
		cancel()
		synctest.Wait()
		require.Equal(t, 2, c.Total())
	})
}

func TestRenewalsAreNoCalls(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st := memory.New(nil)
		defer st.Close()
		c := count.New(st)
		l, err := c.Lessor().NewLease(t.Context(), time.Second, true)
		require.NoError(t, err)
		time.Sleep(time.Hour)
		require.Positive(t, l.TTL())
		require.Equal(t, 1, c.Total())
	})
}
