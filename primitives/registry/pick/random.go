package pick

import "github.com/coordkit/coord/primitives/registry"

// Random picks each instance with the same probability, whatever its weight. It remembers nothing, so that any number of
// clients never fall into step.
type Random struct {
	tables tables[struct{}]
	dice   dice
}

var _ Picker = (*Random)(nil)

// NewRandom returns a random picker.
func NewRandom(opts *Options) *Random {
	o := opts.withDefaults()
	return &Random{tables: tables[struct{}]{opts: o}, dice: dice{src: o.Rand}}
}

// Pick chooses an instance of s; see [Picker].
func (p *Random) Pick(s *registry.Snapshot) (Pick, error) {
	t := p.tables.table(s)
	if t.err != nil {
		return Pick{}, t.err
	}
	return Pick{Instance: t.instances[p.dice.below(len(t.instances))]}, nil
}
