package mutex

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/worlds"
)

// lateOnce returns st whose first call of op is given up at once, and made when the returned func is called.
func lateOnce(st kv.Storage, op string) (kv.Storage, func()) {
	var late atomic.Bool
	var land func()
	return intercept.Wrap(st, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
		if c.Op != op || !late.CompareAndSwap(false, true) {
			return do(ctx)
		}
		land = func() { _ = do(context.WithoutCancel(ctx)) }
		return fmt.Errorf("%w: under way", kv.ErrUncertain)
	}), func() { land() }
}

// refusedOnce returns st whose second call of op is refused.
func refusedOnce(st kv.Storage, op string) kv.Storage {
	var calls atomic.Int32
	return intercept.Wrap(st, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
		if c.Op == op && calls.Add(1) == 2 {
			return fmt.Errorf("%w: refused", kv.ErrUnavailable)
		}
		return do(ctx)
	})
}

// Nobody else looks at the line, and the lease lives: the one who gave the create up deletes it.
func TestCreateThatLandsAfterItsAttemptHasGoneIsDeleted(t *testing.T) {
	for _, c := range []struct {
		name string
		ends func(t *testing.T, store kv.Storage, m *mutex.Mutex)
		wrap func(st kv.Storage, join string) kv.Storage // nil: the repeated create succeeds
	}{
		{name: "given up", ends: func(t *testing.T, _ kv.Storage, m *mutex.Mutex) {
			ctx, cancel := context.WithCancel(t.Context())
			next := lockAsync(ctx, m)
			synctest.Wait() // it waits to ask again
			cancel()
			require.ErrorIs(t, (<-next).err, context.Canceled)
		}},
		{name: "unlocked", ends: func(t *testing.T, _ kv.Storage, m *mutex.Mutex) { unlock(t, lock(t, m)) }},
		{name: "tried, and refused when it was repeated", wrap: refusedOnce, ends: func(t *testing.T, _ kv.Storage, m *mutex.Mutex) {
			_, err := m.TryLock(t.Context())
			require.ErrorIs(t, err, kv.ErrUnavailable)
		}},
		{name: "unlocked when somebody had deleted the key", ends: func(t *testing.T, store kv.Storage, m *mutex.Mutex) {
			h := lock(t, m)
			require.NoError(t, store.Delete(t.Context(), h.Key()))
			require.ErrorIs(t, h.Unlock(t.Context()), mutex.ErrLost)
		}},
		{name: "lost, and never unlocked", ends: func(t *testing.T, store kv.Storage, m *mutex.Mutex) {
			h := lock(t, m)
			require.NoError(t, store.Delete(t.Context(), h.Key()))
			(&world{&worlds.World{Fake: true}}).awaitDone(t, h, 2*time.Second)
		}},
		{name: "unlocked after a loss", ends: func(t *testing.T, store kv.Storage, m *mutex.Mutex) {
			h := lock(t, m)
			require.NoError(t, store.Delete(t.Context(), h.Key()))
			(&world{&worlds.World{Fake: true}}).awaitDone(t, h, 2*time.Second)
			require.ErrorIs(t, h.Unlock(t.Context()), mutex.ErrLost)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, store *memory.Storage, wrap func(kv.Storage) kv.Storage, join string) {
				st, land := lateOnce(wrap(store), join)
				if c.wrap != nil {
					st = c.wrap(st, join)
				}
				s := session.New(st, nil)
				c.ends(t, store, mutex.New(s, "m", nil))
				time.Sleep(5 * time.Minute)
				land()
				info, err := mutex.Inspect(t.Context(), store, "m")
				require.NoError(t, err)
				require.Len(t, info.Holders, 1, "it landed")
				time.Sleep(31 * time.Second)
				info, err = mutex.Inspect(t.Context(), store, "m")
				require.NoError(t, err)
				require.Empty(t, info.Holders)
				require.NoError(t, s.Close(t.Context()))
			})
		})
	}
}
