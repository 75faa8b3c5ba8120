package linear

import (
	"math/rand/v2"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
)

// TestBrokenStoresAreFound shows that the histories and the checker find each way to break the contract: in how many histories
// differs, but not one may go unfound.
func TestBrokenStoresAreFound(t *testing.T) {
	const enough = 300 // histories; most need one
	for _, c := range []struct {
		name   string
		breaks func(st kv.Storage, dice *rand.Rand) kv.Storage
	}{
		{name: "stale reads", breaks: func(st kv.Storage, dice *rand.Rand) kv.Storage {
			return &staleReads{st, dice, map[kv.Key]func() (kv.Record, error){}}
		}},
		{name: "lost updates", breaks: func(st kv.Storage, _ *rand.Rand) kv.Storage { return &lostUpdates{st} }},
		{name: "definite failures of writes that took effect", breaks: func(st kv.Storage, dice *rand.Rand) kv.Storage {
			return &falseFailures{st, dice, 4}
		}},
		{name: "acknowledged deletions that took no effect", breaks: func(st kv.Storage, dice *rand.Rand) kv.Storage {
			return &falseDeletes{st, dice}
		}},
		{name: "creates that find themselves", breaks: func(st kv.Storage, dice *rand.Rand) kv.Storage {
			return &repeatedWrites{st, dice}
		}},
		{name: "ranges of two moments", breaks: func(st kv.Storage, _ *rand.Rand) kv.Storage { return &tornRanges{st} }},
		{name: "releases in several steps", breaks: func(st kv.Storage, _ *rand.Rand) kv.Storage { return &tornReleases{st} }},
		{name: "places read in two steps", breaks: func(st kv.Storage, _ *rand.Rand) kv.Storage { return &tornPlaces{st} }},
		{name: "appends in two steps", breaks: func(st kv.Storage, _ *rand.Rand) kv.Storage { return &tornAppends{st} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			requireFound(t, enough, func(i int, st *memory.Storage, seed uint64) kv.Storage {
				return c.breaks(st, rand.New(rand.NewPCG(seed, 3000+uint64(i))))
			})
		})
	}
}

func TestVersionsThatGoBackAreFound(t *testing.T) {
	var again *versionsAgain
	requireFound(t, 300, func(i int, st *memory.Storage, _ uint64) kv.Storage {
		if i == 0 {
			again = &versionsAgain{first: map[kv.Key]kv.Version{}, back: map[kv.Key]kv.Version{}}
		}
		return &countingAgain{st, again}
	})
}

// requireFound makes histories of a broken store until one is found illegal.
func requireFound(t *testing.T, enough int, breaks func(i int, st *memory.Storage, seed uint64) kv.Storage) {
	t.Helper()
	var sum tally
	seed := uint64(rand.Uint32())
	for n := range enough {
		handles, closeAll := connect(t)
		ops := sum.play(t, newWorld("", 0), wrapped(handles, func(i int, st *memory.Storage) kv.Storage {
			return breaks(i, st, seed)
		}), seed)
		closeAll()
		seed++
		switch verdict(ops) {
		case porcupine.Illegal:
			t.Logf("found in history %d", n+1)
			return
		case porcupine.Unknown:
			require.FailNow(t, "undecided")
		}
	}
	require.FailNow(t, "not found", "in %d histories", enough)
}
