package view

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/registry"
)

// slow is a way to a store on which each call but a wait takes so long before it is made.
func slow(st kv.Storage, d time.Duration) kv.Storage {
	return intercept.Wrap(st, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
		if c.Op != intercept.OpWait {
			<-time.After(d)
		}
		return do(ctx)
	})
}

// pace is when somebody begins, and how long each of its calls takes.
type pace struct{ begin, call time.Duration }

// joined returns what a reader of the pure contract, whose calls take 10 ms, shows one second after everybody has joined, if
// nothing happens any more.
func joined(t *testing.T, hasEpoch bool, joiners []pace, join func(st kv.Storage, id string)) (ids []string) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		s := &scene{store: store}
		if hasEpoch {
			s.bump(t)
		}
		for n, p := range joiners {
			st := slow(store.Connect(), p.call)
			go func() {
				<-time.After(p.begin)
				join(st, fmt.Sprint(n))
			}()
		}
		v := openRegistry(t, slow(kvtest.Hide(store.Connect()), 10*time.Millisecond), &registry.Options{Debounce: -1}).View(service)
		defer v.Close()
		after(time.Second + joiners[len(joiners)-1].begin)
		ids = idsOf(v.Snapshot())
	})
	return ids
}

// paces enumerates joiners that come at every moment of the reader's first rounds.
func paces(yield func([]pace) bool) {
	calls := []time.Duration{time.Millisecond, 9 * time.Millisecond, 24 * time.Millisecond}
	for begin := time.Duration(0); begin < 45*time.Millisecond; begin += time.Millisecond {
		for _, call := range calls {
			if !yield([]pace{{begin, call}}) {
				return
			}
			for _, other := range calls {
				for _, later := range []time.Duration{0, 11 * time.Millisecond} {
					if !yield([]pace{{begin, call}, {begin + later, other}}) {
						return
					}
				}
			}
		}
	}
}

func createInstance(st kv.Storage, id string) {
	_, _ = st.Create(context.Background(), kv.Record{Key: instanceKey(id), Value: kv.Value(`{"format":1,"status":"serving"}`)})
}

func TestNoJoinIsMissedHoweverItMeetsAReader(t *testing.T) {
	for joiners := range paces {
		for _, hasEpoch := range []bool{true, false} {
			ids := joined(t, hasEpoch, joiners, func(st kv.Storage, id string) {
				createInstance(st, id)
				bumpOnce(t, context.Background(), st)
			})
			require.Len(t, ids, len(joiners), "epoch there: %v, joiners %v", hasEpoch, joiners)
		}
	}
}

// TestTheOrderOfAJoinMatters shows that the enumeration finds what it is for: who reads the epoch before it creates its record is
// missed now and then.
func TestTheOrderOfAJoinMatters(t *testing.T) {
	missed := 0
	for joiners := range paces {
		ids := joined(t, true, joiners, func(st kv.Storage, id string) {
			key := kv.Key("coord/registry/" + service + "/e")
			e, _ := st.Get(context.Background(), key)
			createInstance(st, id)
			_, _ = st.CasByVersion(context.Background(), e) // a failure is not as good as a success here
		})
		if len(ids) < len(joiners) {
			missed++
		}
	}
	require.Positive(t, missed)
}
