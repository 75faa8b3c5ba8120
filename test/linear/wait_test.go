package linear

import (
	"fmt"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

// wait is one WaitForVersionChange and what came of it.
type wait struct {
	key       int
	version   kv.Version
	call, end int64
	told      told // done or notFound; -1 if its ctx ended
	got       seen // zero: deleted
	// stands says that the record was seen to have the version after the call, and before the writes of the history were
	// called. Then the answer is the first of them.
	stands bool
	over   chan struct{} // closed when the rest is written, but stands
}

// String is the wait as one line.
func (w *wait) String() string {
	tell := w.got.String()
	switch {
	case w.told == done && w.got == (seen{}):
		tell = "deleted"
	case w.told != done:
		tell = toldNames[w.told]
	}
	return fmt.Sprintf("WaitForVersionChange(%s, v%d): %s (stood: %v)", keyName(w.key), w.version, tell, w.stands)
}

// writes are all the writes of a history that may have taken effect.
type writes struct {
	byVersion map[kv.Version]porcupine.Operation // those acknowledged, and those of unknown outcome that somebody was shown
	byValue   map[int]porcupine.Operation
	next      map[kv.Version]porcupine.Operation // the acknowledged swap of a version
	deletes   []porcupine.Operation              // releases too
	latest    [keys][]porcupine.Operation        // the acknowledged ones, by key
}

func writesOf(ops []porcupine.Operation) writes {
	w := writes{map[kv.Version]porcupine.Operation{}, map[int]porcupine.Operation{}, map[kv.Version]porcupine.Operation{}, nil,
		[keys][]porcupine.Operation{}}
	for _, o := range settled(ops) {
		c, a := o.Input.(call), o.Output.(answer)
		if a.told != done && a.told != unknown {
			continue
		}
		switch c.op {
		case opDelete, opRelease:
			w.deletes = append(w.deletes, o)
			continue
		case opCreate, opAppend, opCas:
		default:
			continue
		}
		w.byValue[c.value] = o
		if a.version != 0 {
			w.byVersion[a.version] = o
		}
		if a.told != done {
			continue
		}
		w.latest[c.key] = append(w.latest[c.key], o)
		if c.op == opCas {
			w.next[c.version] = o
		}
	}
	return w
}

// check returns what is wrong with the answer of a wait, or nil.
func (all writes) check(w *wait) error {
	err := all.fault(w)
	if err != nil {
		return fmt.Errorf("%v: %w", w, err)
	}
	return nil
}

func (all writes) fault(w *wait) error {
	switch {
	case w.told == notFound && w.stands:
		return fmt.Errorf("the record was there when the wait began")
	case w.told != done:
		return nil
	case w.got == (seen{}):
		return all.faultOfDeletion(w)
	}
	o, ok := all.byValue[w.got.value]
	if !ok || o.Input.(call).key != w.key || o.Call > w.end {
		return fmt.Errorf("nobody had written that")
	}
	if v := o.Output.(answer).version; v != 0 && v != w.got.version {
		return fmt.Errorf("that write has the version v%d", v)
	}
	if w.got.version <= w.version {
		return fmt.Errorf("that is no later version")
	}
	if c := o.Input.(call); c.op == opCas && c.version == w.version {
		return nil // what directly follows the version
	}
	if w.stands {
		return fmt.Errorf("that is not the first change after the version; it is %s", line(o))
	}
	for _, later := range all.latest[w.key] {
		if later.Output.(answer).version > w.got.version && later.Return < w.call {
			return fmt.Errorf("that was over when the wait was called, for there was %s", line(later))
		}
	}
	return nil
}

// faultOfDeletion is fault for a wait that was told of a deletion. It says that the version was the present one while it waited, and
// that nothing else came first.
func (all writes) faultOfDeletion(w *wait) error {
	if next, ok := all.next[w.version]; ok {
		return fmt.Errorf("a write followed the version: %s", line(next))
	}
	for _, o := range all.deletes {
		if c := o.Input.(call); o.Call <= w.end && o.Return >= w.call && (c.op == opRelease || c.key == w.key) {
			return nil
		}
	}
	return fmt.Errorf("nobody deleted anything meanwhile")
}

// TestWaitRules shows which answers of a wait are right and which are wrong, in a history that writes a record three times, deletes
// it and creates it again.
func TestWaitRules(t *testing.T) {
	all := writesOf([]porcupine.Operation{
		at(10, 11, create(1), version(5)), at(20, 21, casOf(5, 2), version(6)), at(30, 31, casOf(6, 3), version(7)),
		at(40, 41, remove, anything), at(50, 51, create(4), version(8)), late(55, casOf(8, 5)),
		at(60, 61, get(0), shown(seen{5, 9, 0})),
	})
	stood := func(v kv.Version, got seen) wait { return wait{version: v, call: 15, end: 99, got: got, stands: true} }
	for _, c := range []struct {
		name  string
		right bool
		wait  wait
	}{
		{"the first change", true, stood(5, seen{2, 6, 0})},
		{"the second change", false, stood(5, seen{3, 7, 0})},
		{"the second change, read at once", true, wait{version: 5, call: 15, end: 99, got: seen{3, 7, 0}}},
		{"a change that was over", false, wait{version: 4, call: 32, end: 99, got: seen{2, 6, 0}}},
		{"the same version", false, stood(5, seen{1, 5, 0})},
		{"a value of another write", false, stood(5, seen{3, 6, 0})},
		{"a value that nobody wrote", false, stood(5, seen{77, 6, 0})},
		{"a write that was not called yet", false, wait{version: 5, call: 15, end: 16, got: seen{2, 6, 0}, stands: true}},
		{"the deletion", true, stood(7, seen{})},
		{"the next life", false, stood(7, seen{4, 8, 0})},
		{"a deletion where a change came first", false, stood(6, seen{})},
		{"a deletion when nobody deleted", false, wait{version: 7, call: 15, end: 39, stands: true}},
		{"a change of unknown outcome", true, stood(8, seen{5, 9, 0})},
		{"absence of what was there", false, wait{version: 7, call: 15, end: 99, told: notFound, stands: true}},
		{"absence when called", true, wait{version: 7, call: 42, end: 43, told: notFound}},
		{"the end of ctx", true, wait{version: 7, call: 15, end: 16, told: -1, stands: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := all.check(&c.wait)
			require.Equal(t, c.right, err == nil, "%v", err)
		})
	}
}
