package memory_test

import (
	"flag"
	"fmt"
	"testing"

	"github.com/coordkit/coord/kv/kvtest"
)

// By default this takes a second or two. The long form, for after a change of the store:
//
//	go test -race ./backends/memory -run TestDifferential -differential.seeds=20 -differential.ops=20000
//
// A seed that was reported is played again with -differential.seed.
var (
	seed  = flag.Uint64("differential.seed", 1, "the first seed")
	seeds = flag.Int("differential.seeds", 4, "how many seeds, one after the other")
	ops   = flag.Int("differential.ops", 2000, "how many operations for each")
)

func TestDifferential(t *testing.T) { differential(t, backend()) }

func TestDifferentialOfThePureContract(t *testing.T) { differential(t, backend().Wrap(kvtest.Hide)) }

func differential(t *testing.T, b kvtest.Backend) {
	for i := range uint64(*seeds) {
		t.Run(fmt.Sprint(*seed+i), func(t *testing.T) { kvtest.Differential(t, b, *seed+i, *ops) })
	}
}
