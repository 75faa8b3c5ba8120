package mutex

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// The holder that was meant goes, and its name has another life, at any moment of the two seconds.
func TestBreakHitsNoLaterLifeOfTheName(t *testing.T) {
	onBoth(t, func(t *testing.T, store *memory.Storage, wrap func(kv.Storage) kv.Storage, _ string) {
		s := session.New(wrap(store), nil)
		h := lock(t, mutex.New(s, "m", nil))
		again := func() {
			before := h
			unlock(t, before)
			h = lock(t, mutex.New(s, "m", nil))
			require.Equal(t, before.Key(), h.Key())
		}
		broken := make(chan error, 1)
		go func() { broken <- mutex.Break(context.Background(), store, "m", h.Token()) }()
		time.Sleep(500 * time.Millisecond)
		require.NoError(t, h.Check(t.Context()), "struck at once")
		again()
		require.ErrorIs(t, <-broken, mutex.ErrNotHeld)
		require.NoError(t, h.Check(t.Context()))

		var once atomic.Bool
		st := intercept.Wrap(store, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
			if c.Op == intercept.OpWait && once.CompareAndSwap(false, true) {
				again() // after Break has read the line
			}
			return do(ctx)
		})
		require.ErrorIs(t, mutex.Break(t.Context(), st, "m", h.Token()), mutex.ErrNotHeld)
		require.NoError(t, h.Check(t.Context()))
		unlock(t, h)
		require.NoError(t, s.Close(t.Context()))
	})
}

// The holder that was meant goes at the last moment, and comes again at once: by then its name is too old to be used again.
func TestBreakDeletesNoNameThatCanHaveAnotherLife(t *testing.T) {
	onBoth(t, func(t *testing.T, store *memory.Storage, wrap func(kv.Storage) kv.Storage, _ string) {
		s := session.New(wrap(store), nil)
		h := lock(t, mutex.New(s, "m", nil))
		st := intercept.Wrap(store, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
			if c.Op == intercept.OpDelete {
				unlock(t, h)
				h = lock(t, mutex.New(s, "m", nil))
			}
			return do(ctx)
		})
		require.ErrorIs(t, mutex.Break(t.Context(), st, "m", h.Token()), mutex.ErrNotHeld)
		require.NoError(t, h.Check(t.Context()), "a later life was struck")
		unlock(t, h)
		require.NoError(t, s.Close(t.Context()))
	})
}
