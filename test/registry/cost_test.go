package registry

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/primitives/registry"
)

func TestCallsOfARegistration(t *testing.T) {
	for _, c := range []struct {
		name string
		wrap func(kv.Storage) kv.Storage
	}{{"with capabilities", same}, {"on the pure contract", hide}} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, store, _ *memory.Storage) {
				st := count.New(c.wrap(store))
				r := on(t, st, nil)
				for _, which := range []string{"the service's first", "a later one"} {
					st.Reset()
					g := register(t, r, instance(t, ""))
					synctest.Wait()
					require.Equal(t, 4, st.Reset(), "a join, %s", which)
					time.Sleep(time.Second)
					synctest.Wait()
					require.Equal(t, 1, st.Of(intercept.OpWait), "the wait on its own record")
					require.Equal(t, 1, st.Reset())
					time.Sleep(24 * time.Hour)
					require.Zero(t, st.Reset(), "a day in which nothing changes")
					require.NoError(t, g.Update(t.Context(), func(i *registry.Instance) { i.Weight = 7 }))
					synctest.Wait()
					require.Equal(t, 3, st.Reset(), "an update")
					require.NoError(t, g.Update(t.Context(), func(i *registry.Instance) { i.Weight = 7 }))
					require.Zero(t, st.Reset(), "an update that changes nothing")
					closeIt(t, g)
					require.Equal(t, 3, st.Reset(), "a farewell")
				}
			})
		})
	}
}

// N that join at once need 4 N calls: a comparison that fails is as good as one that does not, so nobody tries again.
func TestCallsOfManyThatJoinAtOnce(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		const n = 50
		store := memory.New(nil)
		defer store.Close()
		// The reads of the epoch are answered when all have been asked: all but one of the writes then come too late.
		var reads sync.WaitGroup
		reads.Add(n)
		gate := intercept.Wrap(store, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
			err := do(ctx)
			if c.Op == intercept.OpGet && c.Key == epochKey(service(t)) {
				reads.Done()
				reads.Wait()
			}
			return err
		})
		seed := register(t, registry.New(store, nil), instance(t, "first"))
		st := count.New(gate)
		r := registry.New(st, nil)
		results := make(chan error, n)
		for range n {
			go func() {
				_, err := r.Register(t.Context(), instance(t, ""))
				results <- err
			}()
		}
		for range n {
			require.NoError(t, <-results)
		}
		synctest.Wait()
		require.Equal(t, 4*n, st.Total())
		require.Equal(t, n, st.Of(intercept.OpNewLease))
		require.Equal(t, n, st.Of(intercept.OpCreate))
		require.Equal(t, n, st.Of(intercept.OpGet))
		require.Equal(t, n, st.Of(intercept.OpCas))
		require.Zero(t, st.Of(intercept.OpWait), "they begin when all have joined")
		require.Len(t, records(t, store), n+1)
		reads.Add(n) // the farewells'
		require.NoError(t, r.Close(t.Context()))
		closeIt(t, seed)
	})
}

// The join's epoch is read after the record was created, and no sooner.
func TestJoinReadsTheEpochAfterTheCreate(t *testing.T) {
	inBubble(t, func(t *testing.T, store, _ *memory.Storage) {
		var ops []string
		st := intercept.Wrap(store, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
			err := do(ctx)
			if c.Op != intercept.OpWait {
				ops = append(ops, c.Op)
			}
			return err
		})
		closeIt(t, register(t, on(t, store, nil), instance(t, "first")))
		g := register(t, on(t, st, nil), instance(t, "a"))
		synctest.Wait()
		require.Equal(t, []string{intercept.OpNewLease, intercept.OpCreate, intercept.OpGet, intercept.OpCas}, ops)
		closeIt(t, g)
	})
}
