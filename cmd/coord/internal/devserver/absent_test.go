//go:build !nolocal

package devserver_test

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// The tag's point: neither size nor start-up time of a server that is not used.
func TestTheTagNolocalLeavesTheServerOut(t *testing.T) {
	const server = "go.etcd.io/etcd/server/"
	deps := func(flags ...string) string {
		args := append([]string{"list", "-deps"}, flags...)
		out, err := exec.CommandContext(t.Context(), "go", append(args, "github.com/coordkit/coord/cmd/coord")...).Output()
		require.NoError(t, err)
		return string(out)
	}
	require.Contains(t, deps(), server)
	require.NotContains(t, deps("-tags", "nolocal"), server)
}
