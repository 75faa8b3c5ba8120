package registry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
)

// Whatever is under way when a registry is closed, by several at once, ends, with kv.ErrClosed if it ends in vain; and nobody who
// registered is still there for longer than the TTL. The bubble shows that nothing is left behind.
func TestCloseEndsWhateverIsUnderWay(t *testing.T) {
	for _, way := range []struct {
		name string
		wrap func(kv.Storage) kv.Storage
	}{{"one watch", same}, {"pure contract", hide}} {
		for seed := range uint64(30) {
			t.Run(fmt.Sprint(way.name, " ", seed), func(t *testing.T) {
				inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
					closeUnderWay(t, store, cut, way.wrap(cut), rand.New(rand.NewPCG(seed, 1)))
				})
			})
		}
	}
}

func closeUnderWay(t *testing.T, store, cut *memory.Storage, st kv.Storage, dice *rand.Rand) {
	r := registry.New(st, &registry.Options{
		TTL: ttl, Linger: time.Duration(dice.IntN(3)-1) * 10 * time.Millisecond,
		Check: &registry.Check{Run: func(context.Context, registry.Instance) error { return nil }, Every: time.Second},
	})
	ctx := context.Background()
	var work sync.WaitGroup
	report := func(what string, err error) {
		if err != nil && !errors.Is(err, kv.ErrClosed) && (what != "Refresh" || !errors.Is(err, kv.ErrUnavailable)) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for n := range 20 {
		pause, kind := time.Duration(dice.IntN(3000))*time.Millisecond, n%5
		work.Go(func() {
			time.Sleep(pause)
			name := fmt.Sprint(service(t), n%2)
			switch kind {
			case 0:
				g, err := r.Register(ctx, registry.Instance{Service: name, ID: fmt.Sprint(n)})
				report("Register", err)
				if err == nil {
					report("Update", g.Update(ctx, func(i *registry.Instance) { i.Weight = 7 }))
					report("Drain", g.Drain(ctx, time.Hour))
					assert.NoError(t, g.Close(ctx))
				}
			case 1:
				v := r.View(name)
				work.Go(func() { time.Sleep(pause / 2); v.Close(); v.Close() })
				_, err := v.Refresh(ctx)
				report("Refresh", err)
				_, err = v.WaitFor(ctx, 1000)
				report("WaitFor", err)
			case 2:
				for _, err := range r.Watch(ctx, name) {
					report("Watch", err)
				}
			case 3:
				for range 10 {
					r.View(name).Close()
					time.Sleep(pause / 10)
				}
			case 4:
				cut.SetConnected(false)
				time.Sleep(pause / 10)
				cut.SetConnected(true)
			}
		})
	}
	time.Sleep(time.Duration(dice.IntN(3500)) * time.Millisecond)
	for range 3 {
		work.Go(func() { assert.NoError(t, r.Close(ctx)) })
	}
	work.Wait()
	require.NoError(t, r.Close(ctx))
	time.Sleep(2 * ttl)
	start, end := kv.PrefixRange("coord/registry/")
	left, err := store.GetRange(ctx, start, end)
	require.NoError(t, err)
	for _, rec := range left {
		require.Zero(t, rec.Lease, "%s is there still", rec.Key)
	}
}
