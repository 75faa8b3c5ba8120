package pick

import (
	"slices"
	"sync"

	"github.com/coordkit/coord/primitives/registry"
)

// WeightedRoundRobin picks instances in proportion to their weights, and spreads those of one instance as evenly as it goes:
// weights of 5, 1 and 1 give a a b a c a a, and not a a a a a b c. While the set and its weights are the same, any picks in a
// row that are as many as the weights' sum, divided by their greatest common divisor, are in exact proportion.
//
// It is the smooth weighted round robin of nginx: before each pick all instances are credited with their weight, and the one
// with the most credit is picked and pays the sum of all weights. A pick therefore takes time in proportion to the number of
// instances, and one goroutine picks at a time; [WeightedRandom] is for sets of many hundreds.
//
// When the set or a weight changes, credit is kept by instance ID, as the number of picks that it is worth; a newcomer has the
// average, so that it gets neither a burst nor nothing. A new picker starts at a random place in the sequence, so that many
// clients that start at once do not all begin with the heaviest.
type WeightedRoundRobin struct {
	tables tables[*wheel]
	dice   dice
	last   *wheel // the one built last; guarded by tables.mu
}

var _ Picker = (*WeightedRoundRobin)(nil)

// NewWeightedRoundRobin returns a smooth weighted round-robin picker.
func NewWeightedRoundRobin(opts *Options) *WeightedRoundRobin {
	o := opts.withDefaults()
	p := &WeightedRoundRobin{dice: dice{src: o.Rand}}
	p.tables.opts, p.tables.build = o, p.build
	return p
}

// Pick chooses an instance of s; see [Picker].
func (p *WeightedRoundRobin) Pick(s *registry.Snapshot) (Pick, error) {
	t := p.tables.table(s)
	if t.err != nil {
		return Pick{}, t.err
	}
	return Pick{Instance: t.instances[t.data.next()]}, nil
}

// build returns a wheel for the instances, which goes on where the last one is.
func (p *WeightedRoundRobin) build(instances []*registry.Instance) *wheel {
	if p.last != nil && slices.Equal(p.last.instances, instances) {
		return p.last
	}
	w := newWheel(instances)
	if p.last == nil {
		w.turn(&p.dice)
	} else {
		w.follow(p.last)
	}
	p.last = w
	return w
}

// wheel is the state of the algorithm for one set of instances.
type wheel struct {
	instances []*registry.Instance
	weights   []int64
	total     int64

	mu     sync.Mutex
	credit []int64 // by instance; guarded by mu
}

func newWheel(instances []*registry.Instance) *wheel {
	w := &wheel{instances: instances, weights: make([]int64, len(instances)), credit: make([]int64, len(instances))}
	for n, i := range instances {
		w.weights[n] = weight(i)
		w.total += w.weights[n]
	}
	return w
}

// next returns the index of the next instance.
func (w *wheel) next() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	credit := w.credit[:len(w.weights)]
	best := 0
	for n, weight := range w.weights {
		credit[n] += weight
		if credit[n] > credit[best] {
			best = n
		}
	}
	credit[best] -= w.total
	return best
}

// maxTurn bounds the steps that turn makes, each one look at one instance: about a millisecond.
const maxTurn = 1 << 20

// turn goes on by a random number of picks, less than a whole sequence.
func (w *wheel) turn(d *dice) {
	divisor := w.total
	for _, weight := range w.weights {
		divisor = gcd(divisor, weight)
	}
	for range d.below(int(min(w.total/divisor, max(1, maxTurn/int64(len(w.weights)))))) {
		w.next()
	}
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// follow takes over the credit of those that were there before, in picks, which are worth another sum now. The credit of all is
// zero together, as it is in a new wheel; otherwise newcomers, who have none, would fall behind or get ahead a little more with
// each change.
func (w *wheel) follow(before *wheel) {
	was := before.shares()
	var known []int
	var sum int64
	for n, i := range w.instances {
		if share, ok := was[i.ID]; ok {
			w.credit[n] = int64(share * float64(w.total))
			sum += w.credit[n]
			known = append(known, n)
		}
	}
	for _, n := range known {
		w.credit[n] -= sum / int64(len(known))
	}
}

// shares returns the credit in picks, by instance ID.
func (w *wheel) shares() map[string]float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	shares := make(map[string]float64, len(w.instances))
	for n, i := range w.instances {
		shares[i.ID] = float64(w.credit[n]) / float64(w.total)
	}
	return shares
}
