//go:build !nolocal

package devserver_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/cmd/coord/internal/devserver"
)

// Every command would pay for them at its start. A server that runs registers some more.
func TestEtcdRegistersNoMetrics(t *testing.T) {
	dir := shortDir(t)
	start(t, &devserver.Options{DataDir: filepath.Join(dir, "etcd"), Socket: filepath.Join(dir, "s")})
	families, err := prometheus.DefaultGatherer.Gather()
	require.NoError(t, err)
	for _, f := range families {
		prefix, _, _ := strings.Cut(f.GetName(), "_")
		require.Contains(t, []string{"go", "process"}, prefix, "a metric that Prometheus itself does not register: %s", f.GetName())
	}
}
