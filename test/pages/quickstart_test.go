//go:build linux

package pages

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/test/internal/etcdtest"
	"github.com/coordkit/coord/test/internal/programs"
)

func TestQuickstart(t *testing.T) {
	t.Parallel()
	root, err := programs.Root()
	require.NoError(t, err)
	sh := newShell(t)
	sh.dir = root
	const terminal = 2 // the block that is run in a terminal of its own
	for i, b := range blocks(t, "quickstart.md", 7) {
		if i == terminal {
			sh.start(t, b.code, "coord lock describe deploy >/dev/null 2>&1")
			continue
		}
		sh.run(t, b, "")
	}
}

func TestExampleForCron(t *testing.T) {
	t.Parallel()
	root, err := programs.Root()
	require.NoError(t, err)
	sh := newShell(t, "TMPDIR="+t.TempDir())
	sh.dir = root
	for _, b := range blocks(t, "../examples/cron/README.md", 1) {
		sh.run(t, b, "")
	}
}

func TestOperating(t *testing.T) {
	t.Parallel()
	endpoint := etcdtest.Start(t).Endpoint()
	sh := newShell(t, "COORD_ENDPOINTS="+endpoint)
	sh.start(t, "coord elect scheduler -- sleep 300", "coord election describe scheduler >/dev/null 2>&1")
	sh.start(t, "coord service register orders --id orders-1 --endpoint http=10.0.0.7:8080 -- sleep 300",
		"coord service describe orders >/dev/null 2>&1")
	sh.start(t, "coord run --note 'release 1.4' deploy -- sleep 300", "coord lock describe deploy >/dev/null 2>&1")
	sh.start(t, "coord run deploy -- true", "coord lock describe deploy | grep -q true")
	for _, b := range blocks(t, "operating.md", 7) {
		sh.run(t, b, "")
	}
}
