package pick

import (
	"sync/atomic"

	"github.com/coordkit/coord/primitives/registry"
)

// RoundRobin picks one instance after the other, in the order of their IDs, whatever their weights: of n picks in a row from
// the same n instances each gets one. It starts at random, so that many clients that start at once do not all begin with the
// same.
//
// When the set changes it goes on from some place in the new one; while it is the same, new snapshots do not disturb the order.
type RoundRobin struct {
	tables tables[struct{}]
	picks  atomic.Uint64
}

var _ Picker = (*RoundRobin)(nil)

// NewRoundRobin returns a round-robin picker.
func NewRoundRobin(opts *Options) *RoundRobin {
	o := opts.withDefaults()
	p := &RoundRobin{tables: tables[struct{}]{opts: o}}
	// Half of the range is left to count in, so that it never wraps, which would break the order once.
	p.picks.Store((&dice{src: o.Rand}).uint64() >> 1)
	return p
}

// Pick chooses an instance of s; see [Picker].
func (p *RoundRobin) Pick(s *registry.Snapshot) (Pick, error) {
	t := p.tables.table(s)
	if t.err != nil {
		return Pick{}, t.err
	}
	return Pick{Instance: t.instances[p.picks.Add(1)%uint64(len(t.instances))]}, nil
}
