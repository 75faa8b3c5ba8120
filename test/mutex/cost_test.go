package mutex

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// counted counts the calls that a process makes.
type counted struct {
	kv.Storage
	calls atomic.Int64
}

func (c *counted) As(target any) bool {
	a, ok := target.(*kv.Appender)
	if !ok {
		return false
	}
	under, ok := kv.As[kv.Appender](c.Storage)
	*a = countedAppender{c, under}
	return ok
}

type countedAppender struct {
	c     *counted
	under kv.Appender
}

func (a countedAppender) Append(ctx context.Context, r kv.Record, start, end kv.Key) (kv.Version, kv.Record, int, error) {
	a.c.calls.Add(1)
	return a.under.Append(ctx, r, start, end)
}

func (c *counted) Create(ctx context.Context, r kv.Record) (kv.Version, error) {
	c.calls.Add(1)
	return c.Storage.Create(ctx, r)
}

func (c *counted) Get(ctx context.Context, key kv.Key) (kv.Record, error) {
	c.calls.Add(1)
	return c.Storage.Get(ctx, key)
}

func (c *counted) GetRange(ctx context.Context, start, end kv.Key) (kv.Records, error) {
	c.calls.Add(1)
	return c.Storage.GetRange(ctx, start, end)
}

func (c *counted) CasByVersion(ctx context.Context, r kv.Record) (kv.Version, error) {
	c.calls.Add(1)
	return c.Storage.CasByVersion(ctx, r)
}

func (c *counted) Delete(ctx context.Context, key kv.Key) error {
	c.calls.Add(1)
	return c.Storage.Delete(ctx, key)
}

func (c *counted) WaitForVersionChange(ctx context.Context, key kv.Key, v kv.Version) (kv.Record, error) {
	c.calls.Add(1)
	return c.Storage.WaitForVersionChange(ctx, key, v)
}

func TestCallsOfALock(t *testing.T) {
	for _, c := range []struct {
		name                     string
		wrap                     func(kv.Storage) kv.Storage
		free, taken, tryOfTheTwo int64
	}{
		{"with Appender", func(s kv.Storage) kv.Storage { return s }, 2, 3, 1},
		{"on the pure contract", func(s kv.Storage) kv.Storage { return kvtest.Hide(s) }, 3, 4, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memory.New(nil)
				defer store.Close()
				st := &counted{Storage: c.wrap(store)}
				s := session.New(st, nil)
				m := mutex.New(s, "m", nil)

				unlock(t, lock(t, m))
				require.Equal(t, c.free, st.calls.Swap(0), "Lock and Unlock of a free lock")

				h := lock(t, m)
				st.calls.Store(0)
				time.Sleep(time.Hour)
				require.Equal(t, int64(1), st.calls.Swap(0), "an hour of holding: the watch that opens after a second")

				_, err := m.TryLock(t.Context())
				require.ErrorIs(t, err, mutex.ErrLocked)
				require.Equal(t, c.tryOfTheTwo, st.calls.Swap(0), "TryLock of a lock that is taken")

				next := lockAsync(context.Background(), m)
				synctest.Wait()
				require.Equal(t, c.taken, st.calls.Swap(0), "joining, and the two waits")
				time.Sleep(time.Hour)
				require.Zero(t, st.calls.Swap(0), "an hour of waiting")

				unlock(t, h)
				r := <-next
				require.NoError(t, r.err)
				require.Equal(t, int64(2), st.calls.Swap(0), "a handoff: the delete, and the read of the next in line")
				unlock(t, r.h)
				require.NoError(t, s.Close(t.Context()))
			})
		})
	}
}

func TestNamesAreUsedAgainAfterACleanLifeOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
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
		require.NotEqual(t, first, key(0), "it lived too long to be told from its next life")
		require.NoError(t, s.Close(t.Context()))
	})
}

// deaf does not hear of changes of the keys that it has created itself, as a client whose watch lags behind.
type deaf struct {
	kv.Storage
	mu  sync.Mutex
	own map[kv.Key]bool
}

func (d *deaf) Create(ctx context.Context, r kv.Record) (kv.Version, error) {
	d.mu.Lock()
	d.own[r.Key] = true
	d.mu.Unlock()
	return d.Storage.Create(ctx, r)
}

func (d *deaf) WaitForVersionChange(ctx context.Context, key kv.Key, v kv.Version) (kv.Record, error) {
	d.mu.Lock()
	own := d.own[key]
	d.mu.Unlock()
	if own {
		<-ctx.Done()
		return kv.Record{}, ctx.Err()
	}
	return d.Storage.WaitForVersionChange(ctx, key, v)
}

// Two watches are not ordered: the one on the blocker may tell first though the own entry went before it. Only a read that shows
// both decides.
func TestNobodyIsGrantedWithoutAnEntryOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		holder := session.New(store, nil)
		waiter := session.New(&deaf{Storage: store, own: map[kv.Key]bool{}}, nil)
		h := lock(t, mutex.New(holder, "m", nil))
		next := lockAsync(context.Background(), mutex.New(waiter, "m", nil))
		synctest.Wait()
		info, err := mutex.Inspect(t.Context(), store, "m")
		require.NoError(t, err)
		require.NoError(t, store.Delete(t.Context(), info.Queue[0].Key))
		unlock(t, h)
		require.ErrorIs(t, (<-next).err, mutex.ErrLost)
		require.NoError(t, waiter.Close(t.Context()))
		require.NoError(t, holder.Close(t.Context()))
	})
}
