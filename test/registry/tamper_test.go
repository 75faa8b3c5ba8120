package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
)

// Whatever somebody does to the record of an instance that lives, for as long as he likes: when he stops, it is there as it wants to be,
// and every view shows it so.
func TestNothingThatIsDoneToARecordIsForEver(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
				dice := rand.New(rand.NewPCG(seed, 2))
				r, pure := on(t, cut, nil), on(t, hide(store), nil)
				one, other := r.View(service(t)), pure.View(service(t))
				defer one.Close()
				defer other.Close()
				g := register(t, r, instance(t, "a"))
				for weight := range 60 {
					tamper(t, store, dice)
					if dice.IntN(8) == 0 {
						cut.SetConnected(false)
						time.Sleep(time.Duration(dice.Int64N(int64(2 * ttl))))
						cut.SetConnected(true)
					}
					if dice.IntN(4) == 0 {
						ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
						_ = g.Update(ctx, func(i *registry.Instance) { i.Weight = weight + 1 })
						cancel()
					}
					time.Sleep(time.Duration(dice.Int64N(int64(2 * time.Second))))
				}
				clearStrangers(t, store, g)
				time.Sleep(2*back + 5*time.Second)
				synctest.Wait()
				require.NoError(t, r.Undrain(t.Context(), service(t), "a"))
				time.Sleep(2 * time.Second)
				want := g.Instance()
				require.Equal(t, registry.Registered, g.State().Phase, "%v", g.State().Err)
				for _, v := range []*registry.View{one, other} {
					snap := v.Snapshot()
					require.Len(t, snap.Instances, 1)
					i := snap.Instances[0]
					require.Equal(t, []any{registry.Serving, want.Weight, "", want.Revision}, []any{i.Status, i.Weight, i.Zone, i.Revision})
					require.Zero(t, snap.Held)
					require.Empty(t, snap.Bad)
				}
				require.NotZero(t, records(t, store)["a"].Lease)
				closeIt(t, g)
				time.Sleep(2 * ttl)
				require.Empty(t, records(t, store))
			})
		})
	}
}

// tamper does something to the record.
func tamper(t *testing.T, store *memory.Storage, dice *rand.Rand) {
	t.Helper()
	ctx, key := t.Context(), keyOf(service(t), "a")
	rec, err := store.Get(ctx, key)
	if err != nil {
		rec = kv.Record{Key: key, Value: kv.Value(`{"format":1,"status":"serving","incarnation":"stranger"}`)}
	}
	put := func() {
		if _, err := store.CasByVersion(ctx, rec); err != nil {
			_, _ = store.Create(ctx, rec)
		}
	}
	lease := func() kv.LeaseId {
		l, err := store.Lessor().NewLease(ctx, time.Second, false)
		require.NoError(t, err)
		return l.Id()
	}
	switch dice.IntN(8) {
	case 0:
		_ = store.Delete(ctx, key)
	case 1:
		_ = store.Delete(ctx, key)
		rec.Lease = kv.NoLeaseId
		put()
	case 2:
		_ = store.Delete(ctx, key)
		rec.Lease = lease()
		put()
	case 3:
		rec.Value = kv.Value([]string{"", "{", "null", `{"format":2}`, `{"format":1}`}[dice.IntN(5)])
		put()
	case 4:
		_ = store.Delete(ctx, key)
		rec = kv.Record{Key: key, Lease: lease(), Value: kv.Value(`{"format":1,"status":"serving","incarnation":"stranger"}`)}
		put()
	case 5:
		if l, err := store.Lessor().GetLease(rec.Lease); err == nil {
			_ = l.Release()
		}
	default:
		fields := map[string]any{}
		if json.Unmarshal(rec.Value, &fields) == nil && fields != nil {
			field := []string{"status", "Status", "\u017ftatus", "ordered", "zone", "ZONE", "x"}[dice.IntN(7)]
			fields[field] = []string{"left", "draining", "odd"}[dice.IntN(3)]
			rec.Value, _ = json.Marshal(fields)
			put()
		}
	}
}

// clearStrangers takes away what only a hand takes away: another's record without a lease.
func clearStrangers(t *testing.T, store *memory.Storage, g *registry.Registration) {
	t.Helper()
	time.Sleep(5 * time.Second)
	rec, err := store.Get(t.Context(), keyOf(service(t), "a"))
	if err == nil && rec.Lease == kv.NoLeaseId {
		require.NotEqual(t, registry.Registered, g.State().Phase)
		require.NoError(t, store.Delete(t.Context(), rec.Key))
	}
}
