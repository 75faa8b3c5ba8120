package linear

import (
	"math"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

// at is an operation from one moment to another.
func at(from, to int64, c call, a answer) porcupine.Operation {
	return porcupine.Operation{Call: from, Return: to, Input: c, Output: a}
}

// late is an operation from a moment on whose answer never came.
func late(from int64, c call) porcupine.Operation {
	return at(from, math.MaxInt64, c, answer{told: unknown})
}

func create(value int) call                 { return call{op: opCreate, value: value} }
func casOf(v kv.Version, value int) call    { return call{op: opCas, version: v, value: value} }
func on(key int, c call) call               { c.key = key; return c }
func leased(c call) call                    { c.lease = 1; return c }
func version(v kv.Version) answer           { return answer{version: v} }
func refused(why told, v kv.Version) answer { return answer{told: why, version: v} }
func shown(recs ...seen) answer             { var a answer; copy(a.records[:], recs); return a }
func get(key int) call                      { return call{op: opGet, key: key} }
func follows(n int, key int, rec seen) answer {
	return answer{version: 9, prev: neighbour{key, rec, n}}
}
func beside(key int, own seen, other int, rec seen) answer {
	a := answer{prev: neighbour{key: other, rec: rec}}
	a.records[key] = own
	return a
}
func releaseOf(lease int) call { return call{op: opRelease, lease: lease} }

var (
	remove   = call{op: opDelete}
	readAll  = call{op: opRange}
	place    = call{op: opPlace}
	nothing  = shown()
	anything = answer{}
)

// TestModel shows what the checker takes for right and what for wrong.
func TestModel(t *testing.T) {
	type history = []porcupine.Operation
	for _, c := range []struct {
		name  string
		right bool
		ops   history
	}{
		{"a write is read", true, history{at(1, 2, create(1), version(5)), at(3, 4, get(0), shown(seen{1, 5, 0}))}},
		{"a read while the write is under way sees either", true, history{
			at(1, 9, create(1), version(5)), at(2, 3, get(0), nothing), at(4, 5, get(0), shown(seen{1, 5, 0}))}},
		{"a read goes back", false, history{
			at(1, 9, create(1), version(5)), at(2, 3, get(0), shown(seen{1, 5, 0})), at(4, 5, get(0), nothing)}},
		{"a read shows another version than was acknowledged", false, history{
			at(1, 2, create(1), version(5)), at(3, 4, get(0), shown(seen{1, 6, 0}))}},
		{"versions go back on another key", false, history{
			at(1, 2, create(1), version(5)), at(3, 4, on(1, create(2)), version(4))}},
		{"versions of writes at the same time may be in any order", true, history{
			at(1, 4, create(1), version(5)), at(2, 3, on(1, create(2)), version(4))}},
		{"a version repeats after deletion", false, history{
			at(1, 2, create(1), version(5)), at(3, 4, remove, anything), at(5, 6, create(2), version(5))}},
		{"two creates of a key", false, history{at(1, 4, create(1), version(5)), at(2, 3, create(2), version(6))}},
		{"a create is refused with the version found", true, history{
			at(1, 2, create(1), version(5)), at(3, 4, create(2), refused(alreadyExists, 5))}},
		{"a create is refused with another version", false, history{
			at(1, 2, create(1), version(5)), at(3, 4, create(2), refused(alreadyExists, 6))}},
		{"an update is lost", false, history{at(1, 2, create(1), version(5)),
			at(3, 6, casOf(5, 2), version(6)), at(4, 5, casOf(5, 3), version(7))}},
		{"a swap is refused for the version that it had", false, history{
			at(1, 2, create(1), version(5)), at(3, 4, casOf(5, 2), refused(wrongVersion, 5))}},
		{"a range mixes two moments", false, history{at(1, 2, create(1), version(5)), at(3, 4, on(1, create(2)), version(6)),
			at(0, 9, readAll, shown(seen{}, seen{2, 6, 0}))}},

		{"an unknown write took effect", true, history{late(1, create(1)), at(3, 4, get(0), shown(seen{1, 5, 0}))}},
		{"an unknown write took no effect", true, history{late(1, create(1)), at(3, 4, get(0), nothing)}},
		{"an unknown write takes effect late", true, history{
			late(1, create(1)), at(3, 4, get(0), nothing), at(5, 6, get(0), shown(seen{1, 5, 0}))}},
		{"an unknown write takes effect before its call", false, history{
			at(1, 2, get(0), shown(seen{1, 5, 0})), late(3, create(1))}},
		{"an unknown write takes effect twice", false, history{late(1, create(1)), at(3, 4, get(0), shown(seen{1, 5, 0})),
			at(5, 6, remove, anything), at(7, 8, get(0), shown(seen{1, 6, 0}))}},
		{"an unknown write has two versions", false, history{late(1, create(1)),
			at(3, 4, get(0), shown(seen{1, 5, 0})), at(5, 6, get(0), shown(seen{1, 6, 0}))}},
		{"an unknown write is found by a version only", true, history{
			late(1, create(1)), at(3, 4, create(2), refused(alreadyExists, 5)), at(5, 6, casOf(5, 3), version(6))}},
		{"an unknown write has a version from before it", false, history{at(1, 2, on(1, create(9)), version(8)),
			late(3, create(1)), at(4, 5, create(2), refused(alreadyExists, 7))}},
		{"an unknown write has a version from after it", false, history{late(1, create(1)),
			at(3, 4, create(2), refused(alreadyExists, 9)), at(5, 6, on(1, create(3)), version(8))}},
		{"two unknown writes are out of order", false, history{late(1, create(1)), at(2, 3, get(1), nothing),
			at(4, 5, readAll, shown(seen{1, 7, 0})), late(6, on(1, create(2))), at(8, 9, on(1, create(3)), refused(alreadyExists, 6))}},
		{"an unknown swap of a version that is found later", true, history{late(1, create(1)), late(2, casOf(5, 2)),
			at(3, 4, get(0), shown(seen{2, 6, 0}))}},
		{"an unknown swap over another write", false, history{at(1, 2, create(1), version(5)), at(3, 4, casOf(5, 2), version(6)),
			late(5, casOf(5, 3)), at(6, 7, get(0), shown(seen{3, 7, 0}))}},
		{"an unknown deletion hits a later life", true, history{at(1, 2, create(1), version(5)), late(3, remove),
			at(4, 5, remove, anything), at(6, 7, create(2), version(6)), at(8, 9, get(0), nothing)}},
		{"an unknown deletion hits twice", false, history{at(1, 2, create(1), version(5)), late(3, remove),
			at(4, 5, get(0), nothing), at(6, 7, create(2), version(6)), at(8, 9, get(0), nothing)}},
		{"a write that failed for certain is seen", false, history{at(3, 4, get(0), shown(seen{1, 5, 0}))}},

		{"a lease is released with what is bound to it", true, history{at(1, 2, leased(create(1)), version(5)),
			at(3, 4, on(1, leased(create(2))), version(6)), at(5, 6, releaseOf(1), anything), at(7, 8, readAll, nothing)}},
		{"a lease is released in two steps", false, history{at(1, 2, leased(create(1)), version(5)),
			at(3, 4, on(1, leased(create(2))), version(6)), at(5, 9, releaseOf(1), anything),
			at(7, 8, readAll, shown(seen{1, 5, 1}))}},
		{"a record is created under a lease that is gone", false, history{
			at(1, 2, releaseOf(1), anything), at(3, 4, leased(create(1)), version(5))}},
		{"a lease that lives is refused", false, history{at(1, 2, leased(create(1)), refused(wrongLease, 0))}},
		{"an unknown release takes effect late", true, history{at(1, 2, leased(create(1)), version(5)), late(3, releaseOf(1)),
			at(4, 5, get(0), shown(seen{1, 5, 1})), at(6, 7, get(0), nothing),
			at(8, 9, leased(create(2)), refused(wrongLease, 0))}},

		{"an append tells the newest and how many", true, history{at(1, 2, create(1), version(5)),
			at(3, 4, on(1, create(2)), version(6)), at(5, 6, casOf(5, 3), version(7)),
			at(7, 8, on(2, call{op: opAppend, value: 4}), follows(2, 1, seen{2, 6, 0}))}},
		{"an append tells the one written last", false, history{at(1, 2, create(1), version(5)),
			at(3, 4, on(1, create(2)), version(6)), at(5, 6, casOf(5, 3), version(7)),
			at(7, 8, on(2, call{op: opAppend, value: 4}), follows(2, 0, seen{3, 7, 0}))}},
		{"an append counts one too few", false, history{at(1, 2, create(1), version(5)),
			at(3, 4, on(1, create(2)), version(6)),
			at(7, 8, on(2, call{op: opAppend, value: 4}), follows(1, 1, seen{2, 6, 0}))}},

		{"a place tells who was created last of the others", true, history{at(1, 2, create(1), version(5)),
			at(3, 4, on(1, create(2)), version(6)), at(5, 6, casOf(5, 3), version(7)),
			at(7, 8, on(1, place), beside(1, seen{2, 6, 0}, 0, seen{3, 7, 0}))}},
		{"a place tells who was there before a deletion that it sees", false, history{at(1, 2, create(1), version(5)),
			at(3, 4, remove, anything), at(5, 6, on(1, create(2)), version(6)),
			at(1, 9, on(1, place), beside(1, seen{2, 6, 0}, 0, seen{1, 5, 0}))}},
		{"a place misses who is there", false, history{at(1, 2, create(1), version(5)), at(3, 4, on(1, create(2)), version(6)),
			at(7, 8, on(1, place), beside(1, seen{2, 6, 0}, nobody, seen{}))}},
		{"a place that is gone tells nothing of the others", true, history{at(1, 2, on(1, create(2)), version(6)),
			at(3, 4, place, refused(notFound, 0))}},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := porcupine.Illegal
			if c.right {
				want = porcupine.Ok
			}
			require.Equal(t, want, verdict(c.ops))
		})
	}
}

func TestExplanationShowsWhatHasNoPlace(t *testing.T) {
	ops := []porcupine.Operation{
		at(1000, 2000, leased(create(1)), version(5)), late(2500, casOf(5, 2)), at(3000, 4000, get(0), nothing),
		at(5000, 6000, on(1, get(1)), nothing),
	}
	_, info := porcupine.CheckOperationsVerbose(model, closed(ops), patience)
	require.Equal(t, `2 of 4 operations have an order; its end is
  client 0        1µs –        2µs  Create(a, #1 under L1): done, v5
  client 0      2.5µs –        ...  CasByVersion(a, #2, if v5): outcome unknown
then there is {a: #2 v6 or later under L1}, and of these none can be next:
  client 0        3µs –        4µs  Get(a): nothing
`, explain(ops, info))
}
