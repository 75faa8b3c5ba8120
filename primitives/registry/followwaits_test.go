package registry

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
)

func TestAWaitThatFailedUnheardIsBegunAgain(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		var mu sync.Mutex
		fail := map[kv.Key]bool{"b": true}
		waited := map[kv.Key]int{}
		st := intercept.Wrap(store, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
			if c.Op != intercept.OpWait {
				return do(ctx)
			}
			mu.Lock()
			waited[c.Key]++
			refuse := fail[c.Key]
			mu.Unlock()
			if refuse {
				return errors.New("refused")
			}
			return do(ctx)
		})
		var records kv.Records
		for _, key := range []kv.Key{"a", "b"} {
			v, err := st.Create(t.Context(), kv.Record{Key: key})
			require.NoError(t, err)
			records = append(records, kv.Record{Key: key, Version: v})
		}
		w := newWaits(t.Context(), st)
		defer w.end()
		w.changed <- nil // of an earlier wait, and not heard yet
		w.set(records)
		synctest.Wait()
		require.NoError(t, <-w.changed, "there is no place for the failure")
		delete(fail, "b")
		w.set(records)
		synctest.Wait()
		require.Equal(t, map[kv.Key]int{"a": 1, "b": 2}, waited)
		require.NoError(t, store.Delete(t.Context(), "b"))
		require.NoError(t, <-w.changed)
	})
}
