package fence

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/fence"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key kv.Key = "app/report"

func add(more string) func(kv.Value) (kv.Value, error) {
	return func(old kv.Value) (kv.Value, error) { return append(old, more...), nil }
}

func requireRecord(t *testing.T, st kv.Storage, value string, token kv.Version) {
	t.Helper()
	got, of, err := fence.Read(t.Context(), st, key)
	require.NoError(t, err, "Read")
	require.Equal(t, value, string(got))
	require.Equal(t, token, of, "the token")
}

func TestHolderWhoseLockWasBrokenIsRefused(t *testing.T) {
	server := etcdtest.Start(t)
	hold := func() (kv.Storage, *mutex.Held) {
		st := server.Storage(t)
		s := session.New(st, nil)
		t.Cleanup(func() { _ = s.Close(context.Background()) })
		h, err := mutex.New(s, "report", nil).Lock(t.Context())
		require.NoError(t, err, "Lock")
		return st, h
	}
	first, old := hold()
	_, err := fence.Update(t.Context(), first, key, old.Token(), add("a"))
	require.NoError(t, err)
	require.NoError(t, mutex.Break(t.Context(), first, "report", old.Token()))

	second, next := hold()
	_, err = fence.Update(t.Context(), first, key, old.Token(), add("b"))
	require.NoError(t, err, "nobody has written under the next token: the old one's write comes before it")
	_, err = fence.Update(t.Context(), second, key, next.Token(), add("c"))
	require.NoError(t, err, "the rightful next holder")
	_, err = fence.Update(t.Context(), first, key, old.Token(), add("d"))
	require.ErrorIs(t, err, fence.ErrStale)
	requireRecord(t, second, "abc", next.Token())
}

func TestLostAnswerIsFoundOut(t *testing.T) {
	server := etcdtest.Start(t)
	direct := server.Storage(t)
	proxy := server.Proxy(t)
	st := etcdtest.Open(t, proxy.Endpoint(), nil)
	_, err := st.Get(t.Context(), "absent")
	require.ErrorIs(t, err, kv.ErrNotFound, "the store is reached")

	for i, others := range []int{0, 1, 8} {
		before := kv.Version(0)
		if r, err := direct.Get(t.Context(), key); err == nil {
			before = r.Version
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		var v kv.Version
		var result error
		var call sync.WaitGroup
		call.Go(func() {
			v, result = fence.Update(ctx, st, key, 5, func(old kv.Value) (kv.Value, error) {
				proxy.Lose(etcdtest.Replies, true) // before the write is sent
				return add(fmt.Sprintf("mine%d ", i))(old)
			})
		})
		landed := untilWritten(t, direct, before)
		for range others {
			_, err := fence.Update(ctx, direct, key, 5, add(". "))
			require.NoError(t, err)
		}
		proxy.Lose(etcdtest.Replies, false)
		proxy.Cut()
		call.Wait()
		cancel()
		require.NoError(t, result, "Update with %d writes after it", others)
		require.Equal(t, landed, v, "the version of its write, with %d after it", others)
	}
	requireRecord(t, direct, "mine0 mine1 . mine2 . . . . . . . . ", 5)
}

// untilWritten returns the version of the record once it is another than before.
func untilWritten(t *testing.T, st kv.Storage, before kv.Version) kv.Version {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(15 * time.Second); ; <-tick.C {
		if r, err := st.Get(t.Context(), key); err == nil && r.Version != before {
			return r.Version
		}
		require.True(t, time.Now().Before(deadline), "the write never landed")
	}
}
