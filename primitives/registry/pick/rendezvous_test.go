package pick_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/pick"
)

const keys = 20_000

// places returns where each of many keys is.
func places(t *testing.T, s *registry.Snapshot) []string {
	t.Helper()
	r := pick.NewRendezvous(nil)
	out := make([]string, keys)
	for n := range out {
		picked, err := r.Pick(s, fmt.Sprintf("user-%d", n))
		require.NoError(t, err)
		out[n] = picked.Instance.ID
	}
	return out
}

// moved counts the keys that are elsewhere, and checks that each move is one that may be.
func moved(t *testing.T, before, after []string, may func(from, to string) bool) int {
	t.Helper()
	n := 0
	for k := range before {
		if before[k] != after[k] {
			require.True(t, may(before[k], after[k]), "key %d moved from %s to %s", k, before[k], after[k])
			n++
		}
	}
	return n
}

func weighted() []*registry.Instance {
	return []*registry.Instance{
		instance("a", weight(100)), instance("b", weight(200)), instance("c", weight(50)), instance("d", weight(700)),
	}
}

func TestRendezvousIsTheSameForTheSameSet(t *testing.T) {
	instances := weighted()
	before := places(t, snapshot(instances...))
	slices.Reverse(instances)
	require.Equal(t, before, places(t, snapshot(instances...)), "whatever the order, and with another picker")

	r := pick.NewRendezvous(nil)
	p := r.For("user-7")
	for range 3 {
		require.Equal(t, before[7], take(t, p, snapshot(instances...)))
	}
}

// TestRendezvousStaysAsItIs: clients of different versions must agree. If this fails, the hash has changed, which it must not.
func TestRendezvousStaysAsItIs(t *testing.T) {
	first := func(n int, instances []*registry.Instance) string {
		return strings.Join(places(t, snapshot(instances...))[:n], " ")
	}
	require.Equal(t, "d b d d d b b a d b a b d d b d b b a a", first(20, weighted()), "weighted")
	require.Equal(t, "i0001 i0000 i0004 i0002 i0003 i0000 i0001 i0001", first(8, many(5)), "equal")
}

func TestRendezvousIsInProportion(t *testing.T) {
	for name, s := range map[string]*registry.Snapshot{"equal": snapshot(many(9)...), "weighted": snapshot(weighted()...)} {
		t.Run(name, func(t *testing.T) {
			got := make(map[string]int)
			for _, id := range places(t, s) {
				got[id]++
			}
			requireShares(t, s, got, keys)
		})
	}
}

func TestRendezvousMovesOnlyTheKeysOfWhomLeaves(t *testing.T) {
	for name, instances := range map[string][]*registry.Instance{"equal": many(9), "weighted": weighted()} {
		t.Run(name, func(t *testing.T) {
			gone := instances[1]
			before := places(t, snapshot(instances...))
			after := places(t, snapshot(slices.Concat(instances[:1], instances[2:])...))
			n := moved(t, before, after, func(from, to string) bool { return from == gone.ID })
			require.NotZero(t, n)

			// The way back, a join, moves the same ones and no other; so does an instance that is away for a while.
			gone.Status = registry.NotServing
			require.Equal(t, after, places(t, snapshot(instances...)))
			gone.Status = registry.Serving
			require.Equal(t, n, moved(t, after, places(t, snapshot(instances...)), func(from, to string) bool { return to == gone.ID }))
		})
	}
}

func TestRendezvousSpreadsTheKeysOfWhomLeaves(t *testing.T) {
	instances := many(5)
	before := places(t, snapshot(instances...))
	after := places(t, snapshot(instances[1:]...))
	got, n := make(map[string]int), 0
	for k := range before {
		if before[k] == instances[0].ID {
			got[after[k]]++
			n++
		}
	}
	requireShares(t, snapshot(instances[1:]...), got, n)
}

func TestRendezvousMovesKeysOnlyToWhoseWeightGrows(t *testing.T) {
	for name, instances := range map[string][]*registry.Instance{"equal": many(6), "weighted": weighted()} {
		t.Run(name, func(t *testing.T) {
			before := places(t, snapshot(instances...))
			heavy := instances[2].Clone()
			heavy.Weight *= 2
			instances[2] = &heavy
			after := places(t, snapshot(instances...))
			require.NotZero(t, moved(t, before, after, func(from, to string) bool { return to == heavy.ID }))
		})
	}
}

// TestRendezvousTakesAnIDForAKey: the hash of the key must not cancel out the hash of the ID.
func TestRendezvousTakesAnIDForAKey(t *testing.T) {
	instances := many(50)
	r, own := pick.NewRendezvous(nil), 0
	for _, i := range instances {
		for n := range 20 {
			s := snapshot(i, instance(fmt.Sprintf("other%d", n)))
			if take(t, r.For(i.ID), s) == i.ID {
				own++
			}
		}
	}
	require.InDelta(t, 500, own, 5*math.Sqrt(250), "of 1000 keys that are the ID of one of two")
}
