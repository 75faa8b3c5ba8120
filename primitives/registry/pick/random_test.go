package pick_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/pick"
)

func TestRandomIsUniform(t *testing.T) {
	s := snapshot(many(10)...)
	requireShares(t, s, count(t, pick.NewRandom(seeded(t)), s, 20_000), 20_000)
}

func TestRandomIgnoresWeight(t *testing.T) {
	even := snapshot(many(2)...)
	got := count(t, pick.NewRandom(seeded(t)), snapshot(instance("i0000", weight(1)), instance("i0001", weight(1000))), 10_000)
	requireShares(t, even, got, 10_000)
}

func TestWeightedRandomIsInProportion(t *testing.T) {
	for name, weights := range map[string][]int{
		"alone": {3}, "equal": {5, 5, 5}, "small": {1, 2, 7}, "one above all": {1, 1, 1, 1, 96},
		"far apart": {1, 1000, 1_000_000, 3, 999_999},
	} {
		t.Run(name, func(t *testing.T) {
			instances := many(len(weights))
			for n, w := range weights {
				instances[n].Weight = w
			}
			s := snapshot(instances...)
			requireShares(t, s, count(t, pick.NewWeightedRandom(seeded(t)), s, 50_000), 50_000)
		})
	}
}

// TestWeightsAreTakenAsTheyAreFound: they come from a record that anybody may have written.
func TestWeightsAreTakenAsTheyAreFound(t *testing.T) {
	s := snapshot(instance("a", weight(0)), instance("b", weight(-5)), instance("c", weight(1<<62)))
	same := snapshot(instance("a", weight(100)), instance("b", weight(100)), instance("c", weight(registry.MaxWeight)))
	requireShares(t, same, count(t, pick.NewWeightedRandom(seeded(t)), s, 50_000), 50_000)
	require.Equal(t, count(t, pick.NewWeightedRoundRobin(seeded(t)), same, 20_000),
		count(t, pick.NewWeightedRoundRobin(seeded(t)), s, 20_000), "smooth picks")
}
