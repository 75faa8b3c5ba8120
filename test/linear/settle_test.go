package linear

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
)

// settled returns a history that says the same in a form that is faster to check. Operations of unknown outcome are what makes
// checking slow: each may have its place anywhere, or nowhere, and so may each set of them.
//
// A write whose record somebody was shown took effect: it has a version, and an end, the earliest of an operation that shows it.
// So has one that alone can be what has a version that somebody was told without the record.
//
// The others are lazy, but for releases, which are rare, and for writes that cannot be told from each other. Nobody was told
// anything of a lazy write, so its record is a ghost, which can only be deleted or be counted. Wherever a lazy operation has its
// place, it could have it later, up to the next operation that touches its key. So it has a place only among the lazy ones that come
// directly before such a one, and just one of each key, for two come to what one or none does. And of the deletions of a key, which
// are all alike, the one called first comes first.
func settled(ops []porcupine.Operation) []porcupine.Operation {
	ops = slices.Clone(ops)
	slices.SortStableFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	shown, nameless := sights(ops)
	candidates := make(map[int][]int) // by key: the unknown writes that nobody was shown
	var deletes [keys]int
	for i, o := range ops {
		c, a := o.Input.(call), o.Output.(answer)
		s, found := shown[c.value]
		switch {
		case a.told != unknown || c.op == opRelease:
		case c.op == opDelete:
			c.lazy, c.nth = true, deletes[c.key]
			ops[i].Input = c
			deletes[c.key]++
		case found:
			ops[i] = s.settle(o)
		default:
			candidates[c.key] = append(candidates[c.key], i)
		}
	}
	for key, writes := range candidates {
		told := nameless[key]
		for _, i := range writes {
			switch {
			case len(told) == 0:
				c := ops[i].Input.(call)
				c.lazy = true
				ops[i].Input = c
			case len(writes) == 1:
				for _, s := range told { // if there are more versions than writes, none fits them
					ops[i] = s.settle(ops[i])
				}
			}
		}
	}
	return ops
}

// sight is that somebody was told a version, and when at the latest.
type sight struct {
	version kv.Version
	before  int64
}

// settle is the write, which is known to have taken effect.
func (s sight) settle(o porcupine.Operation) porcupine.Operation {
	o.Output = answer{told: unknown, version: s.version}
	o.Return = max(o.Call, s.before)
	return o
}

// sights returns the versions that were shown with a value, by value, and by key those that were told or used otherwise only.
func sights(ops []porcupine.Operation) (shown map[int]sight, nameless [keys]map[kv.Version]sight) {
	shown = make(map[int]sight)
	named := map[kv.Version]bool{0: true}
	for _, o := range ops {
		a := o.Output.(answer)
		if a.told == done {
			named[a.version] = true
		}
		for _, r := range append(a.records[:], a.prev.rec) {
			if s, ok := shown[r.value]; r.value > 0 && (!ok || o.Return < s.before) {
				shown[r.value] = sight{r.version, o.Return}
			}
			named[r.version] = true
		}
	}
	note := func(key int, v kv.Version, before int64) {
		if named[v] {
			return
		}
		if nameless[key] == nil {
			nameless[key] = make(map[kv.Version]sight)
		}
		if s, ok := nameless[key][v]; !ok || before < s.before {
			nameless[key][v] = sight{v, before}
		}
	}
	for _, o := range ops {
		c, a := o.Input.(call), o.Output.(answer)
		note(c.key, a.version, o.Return)
		if c.op == opCas {
			note(c.key, c.version, o.Return)
		}
	}
	return shown, nameless
}

// closed returns a history with its end.
func closed(ops []porcupine.Operation) []porcupine.Operation {
	const last = math.MaxInt64 - 1
	return append(slices.Clone(ops), porcupine.Operation{Call: last, Return: last, Input: call{op: opEnd}, Output: answer{}})
}

// TestSettlingChangesNoVerdict compares the verdicts on histories as they are and settled: of a store that loses answers, and of
// one that also lies.
func TestSettlingChangesNoVerdict(t *testing.T) {
	verdicts := make(map[porcupine.CheckResult]int)
	both := func() bool { return verdicts[porcupine.Ok] > 0 && verdicts[porcupine.Illegal] > 0 }
	eachUntil(t, 60, both, func(seed uint64) {
		handles, closeAll := connect(t)
		defer closeAll()
		var late sync.WaitGroup
		var sum tally
		ops := sum.play(t, newWorld("", 0), wrapped(handles, func(i int, st *memory.Storage) kv.Storage {
			dice := rand.New(rand.NewPCG(seed, 5000+uint64(i)))
			l := &lossy{st, dice, &late}
			if seed%2 == 0 {
				return l
			}
			return &falseFailures{l, dice, 150}
		}), seed)
		late.Wait()
		ops = ops[:min(len(ops), 80)] // longer ones take too long as they are, and so do a few short ones
		plainly := porcupine.CheckOperationsTimeout(model, closed(ops), time.Second)
		if plainly != porcupine.Unknown {
			require.Equal(t, plainly, verdict(ops), "seed %d", seed)
		}
		verdicts[plainly]++
	})
	t.Log(verdicts)
	require.NotZero(t, verdicts[porcupine.Ok], "none was legal")
	require.NotZero(t, verdicts[porcupine.Illegal], "none was illegal")
}
