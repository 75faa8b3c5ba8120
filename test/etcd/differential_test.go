package etcd

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// By default this takes a few seconds, most of them for leases that run out. The long form, worth an hour of a machine after a
// change of the backend or with another version of etcd:
//
//	go test ./test/etcd -run TestDifferential -timeout 2h -differential.seeds=20 -differential.ops=20000
//
// A seed that was reported is played again with -differential.seed. On memory the same seeds make the same operations but for
// what is about time.
var (
	seed  = flag.Uint64("differential.seed", 1, "the first seed")
	seeds = flag.Int("differential.seeds", 1, "how many seeds, one after the other")
	ops   = flag.Int("differential.ops", 1500, "how many operations for each")
)

func TestDifferential(t *testing.T) {
	server := etcdtest.Start(t)
	b := kvtest.Backend{
		New:    func(t testing.TB) kv.Storage { return server.Storage(t) },
		Second: func(t testing.TB, _ kv.Storage) kv.Storage { return server.Storage(t) },
		MinTTL: time.Second,
	}
	for i := range uint64(*seeds) {
		t.Run(fmt.Sprint(*seed+i), func(t *testing.T) { kvtest.Differential(t, b, *seed+i, *ops) })
	}
}
