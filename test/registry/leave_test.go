package registry

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/primitives/registry"
)

// notStoppable are leases that cannot stop their renewal but by their release, as a backend's may be.
type notStoppable struct{ kv.Storage }

func (s notStoppable) Lessor() kv.Lessor { return notStoppableLessor{s.Storage.Lessor()} }

type notStoppableLessor struct{ kv.Lessor }

func (l notStoppableLessor) NewLease(ctx context.Context, ttl time.Duration, keepAlive bool) (kv.Lease, error) {
	lease, err := l.Lessor.NewLease(ctx, ttl, keepAlive)
	if err != nil {
		return nil, err
	}
	return struct{ kv.Lease }{lease}, nil
}

func TestNoFarewellIsNoReasonToStayForEver(t *testing.T) {
	inBubble(t, func(t *testing.T, store, _ *memory.Storage) {
		var refuse atomic.Bool
		st := notStoppable{intercept.Wrap(store, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
			if refuse.Load() && c.Op == intercept.OpCas {
				return kv.ErrUnavailable
			}
			return do(ctx)
		})}
		g := register(t, on(t, st, nil), instance(t, "a"))
		refuse.Store(true)
		require.ErrorIs(t, g.Close(context.Background()), kv.ErrUncertain)
		require.Empty(t, records(t, store), "its lease is over, or it would be there for ever")
	})
}

func TestAFarewellThatNoLeaseTakesAwayIsNobodysObstacle(t *testing.T) {
	inBubble(t, func(t *testing.T, store, _ *memory.Storage) {
		r := on(t, store, nil)
		g := register(t, r, instance(t, "a"))
		rec := records(t, store)["a"].Record
		require.NoError(t, store.Delete(t.Context(), rec.Key))
		_, err := store.Create(t.Context(), kv.Record{Key: rec.Key, Value: rec.Value}) // as etcdctl put does
		require.NoError(t, err)
		closeIt(t, g)
		time.Sleep(time.Second)
		require.Empty(t, records(t, store), "it would be there for ever")
		seen, err := r.Lookup(t.Context(), service(t))
		require.NoError(t, err)
		require.Empty(t, seen)
		closeIt(t, register(t, r, instance(t, "a")))
	})
}

func TestOneThatWasReplacedLeavesTheOtherAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, store, _ *memory.Storage) {
		first := register(t, on(t, store, nil), instance(t, "a"))
		time.Sleep(attended)
		second := register(t, on(t, store.Connect(), with(registry.Replace)), instance(t, "a"))
		synctest.Wait()
		require.Equal(t, registry.Lost, first.State().Phase)
		was := records(t, store)["a"]
		closeIt(t, first)
		time.Sleep(3 * ttl)
		require.Equal(t, was, records(t, store)["a"])
		require.Equal(t, registry.Registered, second.State().Phase)
		closeIt(t, second)
	})
}
