package linear

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

// numbering is the versions of all histories of one store, whose keys differ: what one history's clients were told before another's asked.
type numbering struct {
	start time.Time // that of the first history
	told  []numbered
}

// numbered is a version with the time in which it was asked for and told.
type numbered struct {
	from, to int64
	version  kv.Version
	write    bool // that gave it
}

// add adds a history whose times count from start.
func (n *numbering) add(start time.Time, ops []porcupine.Operation) {
	if n.start.IsZero() {
		n.start = start
	}
	shift := int64(start.Sub(n.start))
	for _, o := range ops {
		a := o.Output.(answer)
		if a.told == unknown {
			continue
		}
		at := numbered{from: o.Call + shift, to: o.Return + shift}
		for _, r := range append(a.records[:], a.prev.rec, seen{version: a.version}) {
			if r.version != 0 {
				at.version, at.write = r.version, a.told == done && r.version == a.version
				n.told = append(n.told, at)
			}
		}
	}
}

// disorder returns what is wrong with the versions, or nil: each write's is greater than all that had been told when it was called, and is
// given once.
func (n *numbering) disorder() error {
	byReturn := slices.Clone(n.told)
	slices.SortFunc(byReturn, func(a, b numbered) int { return cmp.Compare(a.to, b.to) })
	byCall := slices.Clone(n.told)
	slices.SortFunc(byCall, func(a, b numbered) int { return cmp.Compare(a.from, b.from) })
	given := make(map[kv.Version]bool)
	var highest kv.Version
	for _, w := range byCall {
		if !w.write {
			continue
		}
		for len(byReturn) > 0 && byReturn[0].to < w.from {
			highest = max(highest, byReturn[0].version)
			byReturn = byReturn[1:]
		}
		switch {
		case w.version <= highest:
			return fmt.Errorf("a write called at %v got v%d, and v%d had been told", time.Duration(w.from), w.version, highest)
		case given[w.version]:
			return fmt.Errorf("two writes got v%d", w.version)
		}
		given[w.version] = true
	}
	return nil
}

// writes is how many were numbered.
func (n *numbering) writes() (sum int) {
	for _, v := range n.told {
		if v.write {
			sum++
		}
	}
	return sum
}

func TestDisorderOfVersionsIsFound(t *testing.T) {
	const second = int64(time.Second)
	for _, c := range []struct {
		name          string
		right         bool
		first, second []porcupine.Operation // of two histories, the second a second later
	}{
		{"one after the other", true, ops(at(1, 2, create(1), version(5))), ops(at(1, 2, create(2), version(6)))},
		{"back", false, ops(at(1, 2, create(1), version(5))), ops(at(1, 2, create(2), version(4)))},
		{"back while the first was under way", true, ops(at(1, 2*second, create(1), version(5))), ops(at(1, 2, create(2), version(4)))},
		{"twice", false, ops(at(1, 2*second, create(1), version(5))), ops(at(1, 2, create(2), version(5)))},
		{"back behind what was read", false, ops(at(1, 2, get(0), shown(seen{1, 5, 0}))), ops(at(1, 2, create(2), version(5)))},
		{"back behind what was found", false, ops(at(1, 2, create(1), refused(alreadyExists, 5))), ops(at(1, 2, create(2), version(5)))},
		{"a read of what was given", true, ops(at(1, 2, create(1), version(5))), ops(at(1, 2, get(0), shown(seen{1, 5, 0})))},
		{"an unknown outcome", true, ops(at(1, math.MaxInt64, create(1), answer{told: unknown})), ops(at(1, 2, create(2), version(5)))},
	} {
		t.Run(c.name, func(t *testing.T) {
			var n numbering
			start := time.Now()
			n.add(start, c.first)
			n.add(start.Add(time.Second), c.second)
			require.Equal(t, c.right, n.disorder() == nil)
		})
	}
}

func ops(all ...porcupine.Operation) []porcupine.Operation { return all }
