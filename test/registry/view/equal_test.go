package view

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/fault"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/test/internal/seeded"
)

// TestBothWaysOfWatchingAgree lets writers do everything that changes a service, at random and at the same time, over ways on which
// calls take their time and fail, and compares what the readers of either kind show once it is quiet: the same, and what is in the
// store. No reader may owe that to reading again after a while: it is asked before that.
func TestBothWaysOfWatchingAgree(t *testing.T) {
	seeded.Runs(t, 100, func(t *testing.T, n uint64) int {
		store := memory.New(nil)
		defer store.Close()
		opts := &registry.Options{HoldFor: -1}
		var views []*registry.View
		var ways []*fault.Storage
		for p := range uint64(4) {
			wrap := func(st kv.Storage) kv.Storage { return st }
			if p%2 == 1 {
				wrap = kvtest.Hide
			}
			way := fault.New(wrap(store.Connect()), n*10+p, fault.Faults{Refused: 0.05, DelayAtMost: 20 * time.Millisecond})
			defer way.Wait()
			ways = append(ways, way)
			v := openRegistry(t, way, opts).View(service)
			defer v.Close()
			views = append(views, v)
		}
		var writers sync.WaitGroup
		for p := range uint64(3) {
			dice := rand.New(rand.NewPCG(n, p))
			way := fault.New(store.Connect(), n*10+5+p, fault.Faults{DelayAtMost: 20 * time.Millisecond})
			writers.Go(func() { churn(t, way, dice) })
		}
		writers.Wait()
		for _, way := range ways {
			way.Heal()
		}
		after(5 * time.Second)
		want, err := openRegistry(t, store.Connect(), nil).Lookup(t.Context(), service)
		require.NoError(t, err)
		for i, v := range views {
			require.Equal(t, registry.Live, v.Snapshot().Health)
			require.Equal(t, want, v.Snapshot().Instances, "view %d, its store has capabilities: %v", i, i%2 == 0)
		}
		return len(want)
	})
}

// churn joins, updates, leaves and dies, as registrations do: the record first, then the epoch, read after that.
func churn(t *testing.T, st kv.Storage, dice *rand.Rand) {
	ctx := context.Background()
	for range 8 {
		<-time.After(time.Duration(dice.IntN(150)) * time.Millisecond)
		key := instanceKey(fmt.Sprint(dice.IntN(6)))
		r, err := st.Get(ctx, key)
		switch {
		case err != nil:
			_, err = st.Create(ctx, kv.Record{Key: key, Value: kv.Value(`{"format":1,"status":"serving"}`)})
		case dice.IntN(3) == 0:
			_ = st.Delete(ctx, key) // without an author, as an expiry
			continue
		case dice.IntN(3) == 0:
			r.Value = kv.Value(`{"format":1,"status":"left"}`)
			_, err = st.CasByVersion(ctx, r)
		default:
			r.Value = fmt.Appendf(nil, `{"format":1,"status":"serving","weight":%d}`, dice.IntN(100)+1)
			_, err = st.CasByVersion(ctx, r)
		}
		if err != nil {
			continue // somebody else was faster, and bumps
		}
		bumpOnce(t, ctx, st)
	}
}

// bumpOnce is the write of the epoch that the protocol asks for, and not one call more: a failed comparison is as good as a success.
func bumpOnce(t *testing.T, ctx context.Context, st kv.Storage) {
	key := kv.Key("coord/registry/" + service + "/e")
	e, err := st.Get(ctx, key)
	if err != nil {
		_, _ = st.Create(ctx, kv.Record{Key: key})
		return
	}
	_, _ = st.CasByVersion(ctx, e)
}
