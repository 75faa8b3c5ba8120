package pick

import (
	"cmp"
	"slices"
	"time"

	"github.com/coordkit/coord/primitives/registry"
)

// What P2COptions mean where they say nothing.
const (
	DefaultDecay       = 10 * time.Second
	DefaultFailureCost = 5 * time.Second
)

// P2COptions are the settings of a P2C picker. Nil and zero fields mean the defaults.
type P2COptions struct {
	Options
	// Decay is the time in which what was seen of an instance loses weight by a factor of e; default DefaultDecay. Negative:
	// latency and failures do not count, only how much work is in flight: for long streams, the length of which says nothing.
	Decay time.Duration
	// FailureCost is how long work that failed is taken to have lasted, at the least; default DefaultFailureCost. It should be
	// well above what a success takes, or an instance that fails fast looks like a good one, and gets the work of all.
	// Negative: failures count as successes do.
	FailureCost time.Duration
}

// P2C picks the less loaded of two instances that it draws at random. That spreads work nearly as well as to look at all of
// them (Mitzenmacher, The Power of Two Choices in Randomized Load Balancing, 1996), and many clients that all know the same
// never fall on one.
//
// The load of an instance is its latency × (its work in flight + 1) ÷ its weight, as this picker has seen them through
// [Pick.Done]. Weight is thus what an instance can bear, rather than its share: of two that are idle and as fast, the heavier is
// picked.
//
// Latency is the peak-sensitive moving average of Finagle and Envoy: an answer slower than the average replaces it at once; one
// that is faster draws it down, the more so the longer the last one is ago ([P2COptions.Decay]). A failure counts as a very slow
// answer in the average, so that what weighs is their rate, and a single one only after a long silence. Work that the caller
// has given up ([context.Canceled]) says only that the answer would have taken longer still.
//
// An instance without work in flight is slowly forgiven, and tried again, by one piece of work at a time. One that has work is
// not: if it answers nothing any more, it must not look better for that. (There it differs from Finagle.) One that was never
// heard of is tried at once, with one piece of work, and gets the next when that is over, or when all others that are drawn are
// like it.
//
// Statistics belong to the instance ID. They outlast new snapshots, and the absence of the instance for a minute. They are
// those of this picker alone: share one among all callers of a service.
type P2C struct {
	tables tables[[]*load]
	dice   dice

	decay, failureCost float64 // in nanoseconds; negative as in P2COptions
	epoch              time.Time

	loads map[string]*load // by instance ID; guarded by tables.mu
	last  []*load          // those built last; guarded by tables.mu
}

var _ Picker = (*P2C)(nil)

// NewP2C returns a picker of the less loaded of two.
func NewP2C(opts *P2COptions) *P2C {
	var o P2COptions
	if opts != nil {
		o = *opts
	}
	p := &P2C{
		decay:       float64(cmp.Or(o.Decay, DefaultDecay)),
		failureCost: float64(cmp.Or(o.FailureCost, DefaultFailureCost)),
		epoch:       time.Now(),
		dice:        dice{src: o.Rand},
		loads:       make(map[string]*load),
	}
	p.tables.opts, p.tables.build = o.Options.withDefaults(), p.build
	return p
}

// Pick chooses an instance of s, and counts one more piece of work in flight there until [Pick.Done]; see [Picker].
func (p *P2C) Pick(s *registry.Snapshot) (Pick, error) {
	t := p.tables.table(s)
	if t.err != nil {
		return Pick{}, t.err
	}
	now, best := p.now(), 0
	if n := len(t.instances); n > 1 {
		a, b := p.dice.two(n)
		best = a
		if t.data[b].per(t.instances[b], now) < t.data[a].per(t.instances[a], now) {
			best = b
		}
	}
	l := t.data[best]
	l.inFlight.Add(1)
	return Pick{Instance: t.instances[best], load: l, start: now}, nil
}

// now is the picker's clock, in nanoseconds; never zero.
func (p *P2C) now() int64 { return int64(time.Since(p.epoch)) + 1 }

// forgetAfter is how long the statistics of an instance are kept that is not to be picked from.
const forgetAfter = time.Minute

// build finds the loads of the instances, and forgets those of whom there was nothing to hear for long. Work that is still in
// flight there goes on to be counted, where nobody looks any more.
func (p *P2C) build(instances []*registry.Instance) []*load {
	now := p.now()
	loads := make([]*load, len(instances))
	for n, i := range instances {
		l := p.loads[i.ID]
		if l == nil {
			l = &load{p: p}
			p.loads[i.ID] = l
		}
		loads[n] = l
	}
	for _, l := range slices.Concat(p.last, loads) { // those built last were there until this moment
		l.present = now
	}
	p.last = loads
	for id, l := range p.loads {
		if now-l.present > int64(forgetAfter) {
			delete(p.loads, id)
		}
	}
	return loads
}
