package pick_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/pick"
)

func abc() (a, b, c int) { return 5, 1, 1 }

func TestWeightedRoundRobinIsSmooth(t *testing.T) {
	a, b, c := abc()
	s := snapshot(instance("a", weight(a)), instance("b", weight(b)), instance("c", weight(c)))
	p := pick.NewWeightedRoundRobin(nil)
	var got strings.Builder
	for range 14 {
		got.WriteString(take(t, p, s))
	}
	require.Contains(t, strings.Repeat("aabacaa", 4), got.String(), "the sequence of nginx, from any place")
}

func TestWeightedRoundRobinIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for range 20 {
		instances := many(1 + rng.IntN(8))
		total := 0
		for _, i := range instances {
			i.Weight = 4 * (1 + rng.IntN(20))
			total += i.Weight
		}
		s := snapshot(instances...)
		p := pick.NewWeightedRoundRobin(seeded(t))
		count(t, p, s, rng.IntN(50)) // any picks in a row
		got := count(t, p, s, total/4)
		for _, i := range instances {
			require.Equal(t, i.Weight/4, got[i.ID], "picks of %s, weight %d of %d", i.ID, i.Weight, total)
		}
	}
}

func TestWeightedRoundRobinStartsAtRandom(t *testing.T) {
	a, b, c := abc()
	s := snapshot(instance("a", weight(a)), instance("b", weight(b)), instance("c", weight(c)))
	o := seeded(t)
	got := make(map[string]int)
	for range 5000 {
		got[take(t, pick.NewWeightedRoundRobin(o), s)]++
	}
	requireShares(t, s, got, 5000)
}

func TestWeightedRoundRobinGoesOnInANewSnapshot(t *testing.T) {
	instances := many(4)
	p := pick.NewWeightedRoundRobin(nil)
	got := make(map[string]int)
	for n := range 40 {
		if n%3 == 0 { // not the same pointer any more, and yet the same instance
			i := instances[n%4].Clone()
			instances[n%4] = &i
		}
		got[take(t, p, snapshot(instances...))]++
	}
	for _, i := range instances {
		require.Equal(t, 10, got[i.ID], "picks of %s", i.ID)
	}
}

// TestWeightedRoundRobinHasNoBurstForNewcomers: each time those leave who were not picked yet, and take their credit with
// them. Those that stay must not be behind a newcomer for that.
func TestWeightedRoundRobinHasNoBurstForNewcomers(t *testing.T) {
	instances := many(128)
	p := pick.NewWeightedRoundRobin(seeded(t))
	for len(instances) > 1 {
		picked := count(t, p, snapshot(instances...), len(instances)/2)
		instances = slices.DeleteFunc(slices.Clone(instances), func(i *registry.Instance) bool { return picked[i.ID] == 0 })
	}
	s := snapshot(append(instances, instance("new"))...)
	before := ""
	for range 6 {
		id := take(t, p, s)
		require.NotEqual(t, before, id, "the two take turns from the first pick on")
		before = id
	}
}

func TestWeightedRoundRobinFollowsAWeightAtOnce(t *testing.T) {
	p := pick.NewWeightedRoundRobin(nil)
	count(t, p, snapshot(instance("a", weight(1_000_000)), instance("b", weight(999_999))), 1) // one of them owes a million
	got := count(t, p, snapshot(instance("a", weight(1)), instance("b", weight(1))), 20)
	require.InDelta(t, 10, got["a"], 1, "picks of a in %v", got)
}
