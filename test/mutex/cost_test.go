package mutex

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

func TestCallsOfALock(t *testing.T) {
	for _, c := range []struct {
		name                      string
		wrap                      func(kv.Storage) kv.Storage
		free, taken, try, handoff int
	}{
		{"with capabilities", func(s kv.Storage) kv.Storage { return s }, 2, 2, 1, 1},
		{"on the pure contract", func(s kv.Storage) kv.Storage { return kvtest.Hide(s) }, 3, 4, 1, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				store := memory.New(nil)
				defer store.Close()
				st := count.New(c.wrap(store))
				s := session.New(st, nil)
				m := mutex.New(s, "m", nil)
				require.NoError(t, s.Ready(t.Context()))
				require.Equal(t, 1, st.Reset(), "the lease, once for all locks")

				unlock(t, lock(t, m))
				require.Equal(t, c.free, st.Reset(), "Lock and Unlock of a free lock")

				h := lock(t, m)
				st.Reset()
				time.Sleep(time.Hour)
				require.Equal(t, 1, st.Reset(), "an hour of holding: the watch that opens after a second")

				_, err := m.TryLock(t.Context())
				require.ErrorIs(t, err, mutex.ErrLocked)
				require.Equal(t, c.try, st.Reset(), "TryLock of a lock that is taken")

				next := lockAsync(context.Background(), m)
				time.Sleep(2 * time.Second)
				require.Equal(t, c.taken, st.Reset(), "joining, and what is waited on; in the pure contract the own key, too, after a second")
				time.Sleep(time.Hour)
				require.Zero(t, st.Reset(), "an hour of waiting")

				unlock(t, h)
				r := <-next
				require.NoError(t, r.err)
				require.Equal(t, c.handoff, st.Reset(), "a handoff: the delete, and without a view of the line the read of the next")
				unlock(t, r.h)
				require.NoError(t, s.Close(t.Context()))
			})
		})
	}
}

func TestNamesAreUsedAgainAfterACleanLifeOnly(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		s := session.New(store, nil)
		key := func(hold time.Duration) kv.Key {
			h := lock(t, mutex.New(s, "m", nil))
			time.Sleep(hold)
			unlock(t, h)
			return h.Key()
		}
		first := key(0)
		require.Equal(t, first, key(time.Millisecond), "a short clean life")
		require.Equal(t, first, key(time.Second), "the name is taken again")
		second := key(0)
		require.NotEqual(t, first, second, "it lived too long to be told from its next life")

		h := lock(t, mutex.New(s, "m", nil))
		require.Equal(t, second, h.Key())
		require.NoError(t, store.Delete(t.Context(), h.Key()))
		require.ErrorIs(t, h.Unlock(t.Context()), mutex.ErrLost)
		third := key(0)
		require.NotEqual(t, second, third, "who has deleted it may do so again")
		h = lock(t, mutex.New(s, "m", nil))
		require.Equal(t, third, h.Key())
		require.NoError(t, store.Delete(t.Context(), h.Key()))
		require.ErrorIs(t, h.Check(t.Context()), mutex.ErrLost)
		require.ErrorIs(t, h.Unlock(t.Context()), mutex.ErrLost)
		require.NotEqual(t, third, key(0), "the same, also if its holder knew")
		require.NoError(t, s.Close(t.Context()))
	})
}
