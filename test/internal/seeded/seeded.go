// Package seeded runs simulations in fake time, each from a seed that replays it.
package seeded

import (
	"flag"
	"testing"

	"github.com/coordkit/coord/internal/bubble"
)

var (
	seeds = flag.Int("seeds", 0, "how many random runs each simulation makes; zero: as many as it does by default")
	seed  = flag.Uint64("seed", 0, "replay this run only")
)

// Runs runs a simulation from so many seeds, or as the flags say, each in a bubble of its own, until one fails; that one's seed is
// logged. It returns how many there were, and the sum of what they returned: how much has happened.
func Runs(t *testing.T, n int, simulate func(t *testing.T, seed uint64) int) (runs, happened int) {
	if *seeds > 0 {
		n = *seeds
	}
	first, last := uint64(1), uint64(n)
	if *seed != 0 {
		first, last = *seed, *seed
	}
	for s := first; s <= last; s++ {
		happened += one(t, s, simulate)
	}
	return int(last - first + 1), happened
}

func one(t *testing.T, s uint64, simulate func(t *testing.T, seed uint64) int) (happened int) {
	defer func() { // a bubble that fails ends the test
		if t.Failed() {
			t.Logf("replay with -seed %d", s)
		}
	}()
	bubble.Test(t, func(t *testing.T) { happened = simulate(t, s) })
	return happened
}
