package mutex

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// deaf does not hear of changes of the keys that it has created itself, as a client whose watch lags behind.
type deaf struct {
	kv.Storage
	places bool // it has kv.PlaceReader

	mu  sync.Mutex
	own map[kv.Key]bool
}

func (d *deaf) As(target any) bool {
	p, ok := target.(*kv.PlaceReader)
	if ok = ok && d.places; ok {
		*p, ok = kv.As[kv.PlaceReader](d.Storage)
	}
	return ok
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
	for _, c := range []struct {
		again  bool // another life has its name by then
		places bool
	}{{false, false}, {true, false}, {false, true}, {true, true}} {
		bubble.Test(t, func(t *testing.T) {
			store := memory.New(nil)
			defer store.Close()
			holder := session.New(store, nil)
			waiter := session.New(&deaf{Storage: store, places: c.places, own: map[kv.Key]bool{}}, nil)
			h := lock(t, mutex.New(holder, "m", nil))
			next := lockAsync(context.Background(), mutex.New(waiter, "m", nil))
			synctest.Wait()
			info, err := mutex.Inspect(t.Context(), store, "m")
			require.NoError(t, err)
			own, err := store.Get(t.Context(), info.Queue[0].Key)
			require.NoError(t, err)
			require.NoError(t, store.Delete(t.Context(), own.Key))
			if c.again {
				_, err = store.Create(t.Context(), own)
				require.NoError(t, err)
			}
			unlock(t, h)
			require.ErrorIs(t, (<-next).err, mutex.ErrLost)
			require.NoError(t, waiter.Close(t.Context()))
			require.NoError(t, holder.Close(t.Context()))
		})
	}
}
