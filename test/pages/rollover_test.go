//go:build linux

package pages

import (
	"testing"

	"github.com/coordkit/coord/test/internal/etcdtest"
)

func TestRolloverInTheShell(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t).Endpoint()
	sh := newShell(t, "COORD_ENDPOINTS="+endpoint, "ETCDCTL_ENDPOINTS="+endpoint)
	for _, b := range blocks(t, "rollover.md", 1) {
		sh.run(t, b, "")
	}
}
