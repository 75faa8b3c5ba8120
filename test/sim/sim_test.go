package sim

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/test/internal/seeded"
)

// TestEverythingTogether makes the runs, half of them on a store without capabilities. A failure prints its seed; -seed replays it.
func TestEverythingTogether(t *testing.T) {
	oneProcessor(t)
	var writes, stale, snapshots int
	runs, grants := seeded.Runs(t, 60, func(t *testing.T, seed uint64) int {
		r := simulate(t, seed, config{pure: seed%2 == 0})
		if len(r.faults) > 0 {
			t.Errorf("seed %d:\n%s", seed, strings.Join(r.faults, "\n"))
		}
		for _, g := range append(r.locks, r.chair) {
			writes, stale = writes+g.res.writes, stale+g.res.stale
		}
		snapshots += r.truth.shown
		return r.grants()
	})
	t.Logf("%d runs: %d grants, %d writes admitted and %d refused as stale, %d snapshots", runs, grants, writes, stale, snapshots)
	require.Greater(t, grants, runs*20, "too few grants to prove anything")
}

// oneProcessor leaves less to chance: which goroutine of a moment runs first.
func oneProcessor(t *testing.T) {
	before := runtime.GOMAXPROCS(1)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
}
