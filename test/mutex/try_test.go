package mutex

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/worlds"
)

func TestHolderThatTriedIsNamedAlthoughOthersWait(t *testing.T) {
	onBoth(t, func(t *testing.T, store *memory.Storage, wrap func(kv.Storage) kv.Storage, _ string) {
		s, other := session.New(wrap(store), nil), session.New(wrap(store), nil)
		h := take(t, mutex.New(s, "m", nil).TryLock)
		next := lockAsync(context.Background(), mutex.New(other, "m", nil))
		synctest.Wait()
		_, err := mutex.New(other, "m", nil).TryLock(t.Context())
		var locked *mutex.LockedError
		require.ErrorAs(t, err, &locked)
		require.Equal(t, h.Token(), locked.Holder.Token)
		unlock(t, h)
		unlock(t, worlds.Await(t, next).h)
		require.NoError(t, s.Close(t.Context()))
		require.NoError(t, other.Close(t.Context()))
	})
}
