package main

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/coordkit/coord/backends/etcd"
)

// row is one thing that is compared.
type row struct {
	name string
	unit unit
	// set sets the stage. The first way that it returns is coord's; none leaves the row out.
	set func(s *stage) []way
}

// way is one way to do what the row is about.
type way struct {
	who string
	// goal is what coord aims at: beside coord a bound of its own figure, beside others of the ratio.
	goal string
	// block does it a number of times.
	block func() block
}

// block is what was measured in a block.
type block struct {
	values []float64 // in the row's unit, each of one operation or the mean of many
	cost   float64   // of one operation: allocations in memory, calls to etcd; NaN if nobody counted
	ops    float64   // how many operations there were; zero: as many as values; NaN: what was spent is not to be divided among them
}

// result is what was measured of a way.
type result struct {
	way
	sorted []float64 // all values
	rounds []float64 // the median of each block, in order of time
	cost   float64   // the median
	ops    float64   // in all blocks
	spent  spent
}

// pace is how long a row is measured.
type pace struct {
	span   time.Duration // at least
	most   time.Duration // and no further round after it, if there were two
	rounds int           // at least
}

// alternate measures the ways in turn, block by block and each round in the other direction, at the pace. The first round only warms
// up, unless it takes longer than span.
func (s *stage) alternate(ways []way, p pace) []result {
	results := make([]result, len(ways))
	costs := make([][]float64, len(ways))
	start := time.Now()
	for n := 0; n < p.rounds && (n < 2 || time.Since(start) < p.most) || time.Since(start) < p.span; n++ {
		warmUp := n == 0 && results[0].rounds == nil
		began := time.Now()
		for i := range ways {
			if n%2 == 1 {
				i = len(ways) - 1 - i
			}
			runtime.GC() // nobody pays for what another left behind
			before := s.spent()
			b := ways[i].block()
			r := &results[i]
			r.spent = r.spent.and(s.spent().since(before))
			r.ops += cmp.Or(b.ops, float64(len(b.values)))
			r.sorted = append(r.sorted, b.values...)
			r.rounds = append(r.rounds, quantile(slices.Sorted(slices.Values(b.values)), 0.5))
			costs[i] = append(costs[i], b.cost)
		}
		if warmUp && time.Since(began) < p.span {
			clear(costs)
			clear(results)
			for i := range results {
				results[i].rounds = []float64{}
			}
			start, n = time.Now(), -1
		}
	}
	for i := range results {
		r := &results[i]
		r.way = ways[i]
		slices.Sort(r.sorted)
		slices.Sort(costs[i])
		r.cost = quantile(costs[i], 0.5)
	}
	return results
}

// quantile is the value that a part q of the sorted ones does not exceed.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// ratios are ours over theirs, round by round, sorted.
func ratios(ours, theirs result) []float64 {
	rs := make([]float64, len(ours.rounds))
	for i := range rs {
		rs[i] = ours.rounds[i] / theirs.rounds[i]
	}
	slices.Sort(rs)
	return rs
}

// whole measures n operations as one, for those that take less than a look at the clock, and counts what they allocate. It measures
// the time of processors, the collector's with it, for on a busy machine the time of day says little about what takes so short.
func whole(n int, op func(i int) error) block {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := processorTime()
	for i := range n {
		check(op(i))
	}
	took := processorTime() - start
	runtime.ReadMemStats(&after)
	per := 1 / float64(n)
	return block{[]float64{float64(took) * per}, float64(after.Mallocs-before.Mallocs) * per, float64(n)}
}

// samples asks n times for a value.
func samples(n int, sample func() float64) block {
	values := make([]float64, n)
	for i := range values {
		values[i] = sample()
	}
	return block{values: values, cost: math.NaN()}
}

// stage is what the rows of one group use.
type stage struct {
	server *server   // nil if the group needs none
	quick  bool      // what takes long is to be cut short
	stores []*filled // made by overStores
	undo   []func()  // of the present row
	wire   wire
	names  int // given by name

	measured spent    // of a point of a curve
	held     []func() // what waiters wait for, to be given back

	tried map[string]*[]trial // by who and TTL
}

// later runs f when the row was measured, in reverse order.
func (s *stage) later(f func()) { s.undo = append(s.undo, f) }

func (s *stage) clear() {
	for _, f := range slices.Backward(s.undo) {
		f()
	}
	s.undo = nil
}

// leaveOut says why a row is not measured.
func (s *stage) leaveOut(err error) { fmt.Fprintln(os.Stderr, "left out:", err) }

// name is one that nothing else has.
func (s *stage) name() string {
	s.names++
	return fmt.Sprintf("bench-%d", s.names)
}

// client is a plain client of the server.
func (s *stage) client() *clientv3.Client {
	c := must(clientv3.New(clientv3.Config{
		Endpoints: []string{s.server.endpoint}, DialTimeout: 5 * time.Second, Logger: zap.NewNop(), DialOptions: s.wire.options(),
	}))
	s.later(func() { _ = c.Close() })
	return c
}

// storage is coord's storage on the server, with a client of its own.
func (s *stage) storage() *etcd.Storage {
	st := must(etcd.Open([]string{s.server.endpoint}, &etcd.Options{DialOptions: s.wire.options()}))
	s.later(func() { check(st.Close()) })
	return st
}
