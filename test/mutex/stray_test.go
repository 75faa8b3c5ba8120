package mutex

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/worlds"
)

// A create that lands when nobody looks after it any more is under a lease that is kept alive: whoever sees it there, and knows that it is
// nobody's, removes it.
func TestStrayEntryIsRemovedWhereItsSessionSeesIt(t *testing.T) {
	for _, c := range []struct {
		name string
		wrap func(kv.Storage) kv.Storage
	}{
		{"with capabilities", func(s kv.Storage) kv.Storage { return s }},
		{"on the pure contract", kvtest.Hide},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				store := memory.New(nil)
				defer store.Close()
				s, other := session.New(c.wrap(store), nil), session.New(c.wrap(store), nil)
				require.NoError(t, s.Ready(t.Context()))
				stray := func() {
					_, err := store.Create(t.Context(), kv.Record{Key: "coord/lock/m/w/stray", Value: kv.Value("{}"), Lease: s.LeaseID()})
					require.NoError(t, err)
				}
				stray()
				unlock(t, lock(t, mutex.New(s, "m", nil))) // by the call that joins

				h := lock(t, mutex.New(other, "m", nil))
				next := lockAsync(context.Background(), mutex.New(s, "m", nil))
				synctest.Wait()
				stray()
				behind := lockAsync(context.Background(), mutex.New(other, "m", nil))
				synctest.Wait()
				unlock(t, h)
				unlock(t, worlds.Await(t, next).h)
				unlock(t, worlds.Await(t, behind).h) // by who waited beside it
				require.NoError(t, s.Close(t.Context()))
				require.NoError(t, other.Close(t.Context()))
			})
		})
	}
}

// Who waits in a long line glances at its own place only, and looks at the whole line once a create of its session may still land that
// nobody looks after any more.
func TestStrayEntryIsRemovedInALongLineToo(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		way, land := lateOnce(worlds.Unwatched(store), intercept.OpAppend)
		s, other := session.New(way, nil), session.New(store, nil)
		ctx, cancel := context.WithCancel(t.Context())
		given := lockAsync(ctx, mutex.New(s, "m", nil))
		synctest.Wait()
		cancel()
		require.ErrorIs(t, (<-given).err, context.Canceled)
		time.Sleep(time.Hour)

		h := lock(t, mutex.New(other, "m", nil))
		next := lockAsync(context.Background(), mutex.New(s, "m", nil))
		synctest.Wait()
		land()
		behind := lockAsync(context.Background(), mutex.New(other, "m", nil))
		synctest.Wait()
		unlock(t, h)
		unlock(t, worlds.Await(t, next).h)
		unlock(t, worlds.Await(t, behind).h)
		require.NoError(t, s.Close(t.Context()))
		require.NoError(t, other.Close(t.Context()))
	})
}

// Another session's entry is for that one to remove, and so is one that is in somebody's hands.
func TestEntryThatMayBeSomebodysIsLeftWhereItIs(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		s, other := session.New(store, nil), session.New(store, nil)
		require.NoError(t, other.Ready(t.Context()))
		key := kv.Key("coord/lock/m/w/stranger")
		_, err := store.Create(t.Context(), kv.Record{Key: key, Value: kv.Value("{}"), Lease: other.LeaseID()})
		require.NoError(t, err)
		next := lockAsync(context.Background(), mutex.New(s, "m", nil))
		synctest.Wait()
		behind := lockAsync(context.Background(), mutex.New(s, "m", nil))
		time.Sleep(time.Minute)
		require.Empty(t, next)
		require.Empty(t, behind)
		require.NoError(t, store.Delete(t.Context(), key))
		unlock(t, worlds.Await(t, next).h)
		unlock(t, worlds.Await(t, behind).h)
		require.NoError(t, s.Close(t.Context()))
		require.NoError(t, other.Close(t.Context()))
	})
}
