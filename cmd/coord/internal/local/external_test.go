//go:build linux && nolocal

package local_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/cmd/coord/internal/local"
)

func homes(t *testing.T) {
	t.Helper()
	root, err := os.MkdirTemp("", "lc")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(root) }) // and the server leaves
	require.NoError(t, os.Mkdir(root+"/run", 0o700))
	t.Setenv("XDG_STATE_HOME", root+"/state")
	t.Setenv("XDG_RUNTIME_DIR", root+"/run")
	t.Setenv("COORD_LOCAL", "")

}

func TestWithoutAServerOfItsOwnAnotherProgramIsStarted(t *testing.T) {
	bin := t.TempDir()
	server := filepath.Join(bin, "coord-server")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", server,
		"github.com/coordkit/coord/cmd/coord").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for name, set := range map[string]func(t *testing.T){
		"COORD_SERVER": func(t *testing.T) { t.Setenv("COORD_SERVER", server) },
		"PATH":         func(t *testing.T) { t.Setenv("PATH", bin+":"+os.Getenv("PATH")) },
	} {
		t.Run(name, func(t *testing.T) {
			homes(t)
			set(t)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			st, err := local.Open(ctx, nil)
			require.NoError(t, err)
			defer st.Close()
			c, err := clientv3.New(clientv3.Config{Endpoints: []string{st.Endpoint()}, DialOptions: st.DialOptions()})
			require.NoError(t, err)
			defer c.Close()
			_, err = c.Put(ctx, "k", "v")
			require.NoError(t, err)
		})
	}
}

func TestWithoutAnyServerTheConfigurationIsAtFault(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	for _, server := range []string{"", "/no/such/program", exe} { // the last one has no server either
		homes(t)
		t.Setenv("PATH", t.TempDir())
		t.Setenv("COORD_SERVER", server)
		_, err := local.Open(t.Context(), nil)
		var e *local.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, local.Config, e.Code, "%v", err)
	}
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == local.ServeCommand {
		os.Exit(local.ServeMain(os.Args[2:]))
	}
	os.Exit(m.Run())
}
