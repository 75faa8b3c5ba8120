package registry

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
)

func TestARefreshThatWasGivenUpLeavesNothing(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		r := New(store, nil)
		defer r.Close(context.Background())
		v := r.View("s")
		defer v.Close()
		_, err := v.WaitFor(t.Context(), 0)
		require.NoError(t, err)
		store.SetConnected(false) // a watch waits for the store
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := v.Refresh(ctx)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		v.f.mu.Lock()
		defer v.f.mu.Unlock()
		require.Empty(t, v.f.refreshes)
	})
}
