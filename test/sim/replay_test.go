package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/internal/bubble"
)

// TestSeedReplaysItsRun makes each run twice, and compares all that was sent, when, what became of it and what it came to. A few may
// differ: see the package comment. Under the race detector the scheduler takes goroutines at random on purpose, and more do.
func TestSeedReplaysItsRun(t *testing.T) {
	oneProcessor(t)
	seeds, least := uint64(40), 32
	if raceDetector {
		seeds, least = 6, 0
	}
	same, lines := 0, 0
	for seed := uint64(1); seed <= seeds; seed++ {
		var traces [2]*trace
		for i := range traces {
			bubble.Test(t, func(t *testing.T) { traces[i] = simulate(t, seed, config{trace: true, pure: seed%2 == 0}).wire.trace })
		}
		lines += len(traces[0].lines)
		if traces[0].hash() == traces[1].hash() {
			same++
			continue
		}
		a, b := diverge(traces[0], traces[1])
		t.Logf("seed %d, of %d lines, first\n%s\nand\n%s", seed, len(traces[0].lines), a, b)
	}
	t.Logf("%d of %d runs were the same twice, of %d lines each", same, seeds, lines/int(seeds))
	require.GreaterOrEqual(t, same, least)
}

// A seed that fixed nothing would make the same run of any other, too.
func TestSeedsDiffer(t *testing.T) {
	oneProcessor(t)
	seen := map[string]bool{}
	for seed := range uint64(4) {
		bubble.Test(t, func(t *testing.T) { seen[simulate(t, seed, config{trace: true}).wire.trace.hash()] = true })
	}
	require.Len(t, seen, 4)
}
