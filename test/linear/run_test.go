package linear

import (
	"cmp"
	"flag"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

var (
	runFor   = flag.Duration("linear.for", 0, "how long to make histories of each kind; zero: as many as CI wants")
	seedFlag = flag.Uint64("linear.seed", 0, "the seed of the first history; zero: a random one, which is printed")
	size     = flag.Int("linear.ops", 40, "how many operations each client of a history does")
)

// clients is how many there are in a history. What the checker takes grows with the power of what overlaps, so histories are small
// and many.
const clients = 5

// tally counts what happened in histories, to show that they prove something.
type tally struct {
	histories, ops     int
	overlaps           int // pairs of operations that ran at the same time
	failed             int // operations that failed for certain
	unknown, effective int // writes of unknown outcome; those of them that were seen to have taken effect
	slowest            time.Duration
}

// each runs one history after the other, each with its seed: n of them, or as many as the time asked for has room for.
func each(t *testing.T, n int, history func(seed uint64)) {
	t.Helper()
	eachUntil(t, n, func() bool { return true }, history)
}

// eachUntil is each, but goes on until there was enough of what chance must bring, for ten times as many histories at most.
func eachUntil(t *testing.T, n int, enough func() bool, history func(seed uint64)) {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = uint64(rand.Uint32())
	}
	t.Logf("-linear.seed=%d", seed)
	start := time.Now()
	for i := 0; i < n || i < 10*n && !enough() || time.Since(start) < *runFor; i++ {
		history(seed + uint64(i))
	}
}

// play lets a client on each handle loose in the world, and returns all that they did.
func (sum *tally) play(t *testing.T, w *world, handles []kv.Storage, seed uint64) []porcupine.Operation {
	t.Helper()
	all := newClients(w, handles, seed)
	let(all, func(c *client) { c.run(*size) })()
	return sum.gather(t, all, seed)
}

// let lets all clients go at the same moment, and returns what waits for them.
func let(all []*client, run func(*client)) (wait func()) {
	var work sync.WaitGroup
	gate := make(chan struct{})
	for _, c := range all {
		work.Go(func() {
			<-gate
			run(c)
		})
	}
	close(gate)
	return work.Wait
}

// gather returns all that clients did, in the order of the calls, and counts it.
func (sum *tally) gather(t *testing.T, all []*client, seed uint64) []porcupine.Operation {
	t.Helper()
	var ops []porcupine.Operation
	for _, c := range all {
		require.NoError(t, c.unexpected, "seed %d", seed)
		ops = append(ops, c.ops...)
		sum.failed += c.failed
	}
	slices.SortFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	sum.add(ops)
	return ops
}

// check is play, and the verdict of the checker.
func (sum *tally) check(t *testing.T, w *world, handles []kv.Storage, seed uint64) {
	t.Helper()
	ops := sum.play(t, w, handles, seed)
	start := time.Now()
	requireLinear(t, ops, seed)
	sum.slowest = max(sum.slowest, time.Since(start))
}

// add counts a history, sorted by the time of the calls.
func (sum *tally) add(ops []porcupine.Operation) {
	sum.histories++
	sum.ops += len(ops)
	shown := make(map[int]bool)
	for i, o := range ops {
		a := o.Output.(answer)
		for _, r := range a.records {
			shown[r.value] = true
		}
		if a.told == unknown {
			sum.unknown++
			continue
		}
		for _, later := range ops[i+1:] {
			if later.Call > o.Return {
				break
			}
			sum.overlaps++
		}
	}
	for _, o := range ops {
		if o.Output.(answer).told == unknown && shown[o.Input.(call).value] && o.Input.(call).value != 0 {
			sum.effective++
		}
	}
}

func (sum *tally) log(t *testing.T) {
	t.Helper()
	t.Logf("%d histories, %d operations, %d pairs of them at once", sum.histories, sum.ops, sum.overlaps)
	t.Logf("%d operations failed for certain, %d are of unknown outcome, %d of these were seen to have taken effect",
		sum.failed, sum.unknown, sum.effective)
	t.Logf("the slowest check took %v", sum.slowest)
}
