package boltkv_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/coordkit/coord/kv/kvtest"
)

func TestDifferential(t *testing.T) {
	b := backend()
	// The model renews a lease that is kept alive at every moment. This backend does so from time to time, so that as much as all of a
	// TTL may have run down; that it tells no more than is left is compared.
	b.Margin = time.Hour
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { kvtest.Differential(t, b, seed, 1000) })
	}
}
