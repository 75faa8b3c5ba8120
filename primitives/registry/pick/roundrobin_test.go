package pick_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/primitives/registry/pick"
)

func TestRoundRobinGivesEachOneOfNPicks(t *testing.T) {
	s := snapshot(many(7)...)
	p := pick.NewRoundRobin(nil)
	first := make([]string, 7)
	for n := range first {
		first[n] = take(t, p, s)
	}
	require.ElementsMatch(t, []string{"i0000", "i0001", "i0002", "i0003", "i0004", "i0005", "i0006"}, first)
	for round := range 3 {
		for n := range first {
			require.Equal(t, first[n], take(t, p, s), "round %d, pick %d", round, n)
		}
	}
}

func TestRoundRobinGoesOnInANewSnapshotOfTheSameSet(t *testing.T) {
	instances := many(5)
	p := pick.NewRoundRobin(nil)
	got := make(map[string]int)
	for range 10 {
		got[take(t, p, snapshot(instances...))]++
	}
	for _, i := range instances {
		require.Equal(t, 2, got[i.ID], "picks of %s", i.ID)
	}
}

func TestRoundRobinStartsAtRandom(t *testing.T) {
	s := snapshot(many(4)...)
	o := seeded(t)
	got := make(map[string]int)
	for range 1000 {
		got[take(t, pick.NewRoundRobin(o), s)]++
	}
	requireShares(t, s, got, 1000)
}
