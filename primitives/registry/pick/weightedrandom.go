package pick

import (
	"math"
	"math/bits"

	"github.com/coordkit/coord/primitives/registry"
)

// WeightedRandom picks each instance with a probability in proportion to its weight. It remembers nothing, and a pick takes the
// same time whatever the number of instances: it is Walker's alias method, with the table built as Vose does (1991).
type WeightedRandom struct {
	tables tables[[]column]
	dice   dice
}

var _ Picker = (*WeightedRandom)(nil)

// column is one of n equal parts of the whole probability. It belongs to the instance of its index up to cut, in 2⁻⁶⁴ of it,
// and from there on to another.
type column struct {
	cut   uint64
	other int
}

// NewWeightedRandom returns a weighted random picker.
func NewWeightedRandom(opts *Options) *WeightedRandom {
	o := opts.withDefaults()
	return &WeightedRandom{tables: tables[[]column]{opts: o, build: columns}, dice: dice{src: o.Rand}}
}

// Pick chooses an instance of s; see [Picker].
func (p *WeightedRandom) Pick(s *registry.Snapshot) (Pick, error) {
	t := p.tables.table(s)
	if t.err != nil {
		return Pick{}, t.err
	}
	i, part := bits.Mul64(p.dice.uint64(), uint64(len(t.data))) // which column, and where in it
	if c := t.data[i]; part >= c.cut {
		i = uint64(c.other)
	}
	return Pick{Instance: t.instances[i]}, nil
}

// columns builds the table. Each column has room for total, and each instance wants its weight times the number of columns: one
// that wants less than a column gets it filled up by one that wants more.
func columns(instances []*registry.Instance) []column {
	n := len(instances)
	wants := make([]uint64, n)
	var total uint64
	for i, in := range instances {
		wants[i] = uint64(weight(in)) * uint64(n)
		total += uint64(weight(in))
	}
	var less, more []int
	for i, w := range wants {
		if w < total {
			less = append(less, i)
		} else {
			more = append(more, i)
		}
	}
	cs := make([]column, n)
	for len(less) > 0 { // then somebody wants more than a column: the sum of all is n columns
		l, m := less[len(less)-1], more[len(more)-1]
		less = less[:len(less)-1]
		cut, _ := bits.Div64(wants[l], 0, total)
		cs[l] = column{cut: cut, other: m}
		if wants[m] -= total - wants[l]; wants[m] < total {
			more, less = more[:len(more)-1], append(less, m)
		}
	}
	for _, m := range more {
		cs[m] = column{cut: math.MaxUint64, other: m}
	}
	return cs
}
