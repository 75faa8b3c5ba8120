//go:build linux && !nolocal

package local_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/cmd/coord/internal/local"
)

func TestTwoStateDirectoriesNeverShareASocket(t *testing.T) {
	state, _ := home(t)
	st, c := open(t, nil)
	put(t, c, "k")
	// The second home is cleaned up first, with its server; both have one runtime directory.
	run := os.Getenv("XDG_RUNTIME_DIR")
	home(t)
	t.Setenv("XDG_RUNTIME_DIR", run)
	other, c2 := open(t, nil)
	require.True(t, other.Started())
	require.NotEqual(t, st.Endpoint(), other.Endpoint())
	require.Equal(t, filepath.Dir(st.Endpoint()), filepath.Dir(other.Endpoint()))
	require.Zero(t, has(t, c2, "k"))
	require.NotEmpty(t, pointerOf(state))
}

// The path alone does not make a store: what was there before may live on for a second.
func TestADirectoryMadeAgainHasAnotherSocket(t *testing.T) {
	state, _ := home(t)
	st, c := open(t, nil)
	require.NoError(t, c.Close())
	require.NoError(t, os.Rename(dirOf(t, state), state+"/was"))
	again, _ := open(t, nil)
	require.NotEqual(t, st.Endpoint(), again.Endpoint())
}

// Login and cron see the same store.
func TestClientsFindTheServerWhateverTheirRuntimeDirectory(t *testing.T) {
	home(t)
	st, _ := open(t, nil)
	t.Setenv("XDG_RUNTIME_DIR", "")
	other, _ := open(t, nil)
	require.False(t, other.Started())
	require.Equal(t, st.Endpoint(), other.Endpoint())
}

func TestTheSocketGoesToTheTemporaryDirectoryWhereThereIsNoUsableRuntimeDirectory(t *testing.T) {
	for name, set := range map[string]func(t *testing.T, run string){
		"unset":    func(t *testing.T, _ string) { t.Setenv("XDG_RUNTIME_DIR", "") },
		"relative": func(t *testing.T, _ string) { t.Setenv("XDG_RUNTIME_DIR", "run") },
		"absent":   func(t *testing.T, run string) { t.Setenv("XDG_RUNTIME_DIR", run+"/none") },
		"open to others": func(t *testing.T, run string) {
			require.NoError(t, os.Mkdir(run+"/coord", 0o700))
			require.NoError(t, os.Chmod(run+"/coord", 0o755))
		},
		"a link": func(t *testing.T, run string) { require.NoError(t, os.Symlink("/tmp", run+"/coord")) },
		"too long": func(t *testing.T, run string) {
			long := filepath.Join(run, strings.Repeat("x", 100))
			require.NoError(t, os.Mkdir(long, 0o700))
			t.Setenv("XDG_RUNTIME_DIR", long)
		},
		"not plain": func(t *testing.T, run string) {
			require.NoError(t, os.Mkdir(run+"/a,b", 0o700))
			t.Setenv("XDG_RUNTIME_DIR", run+"/a,b")
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, run := home(t)
			tmp := filepath.Dir(run) + "/tmp"
			require.NoError(t, os.Mkdir(tmp, 0o777))
			t.Setenv("TMPDIR", tmp)
			set(t, run)
			st, c := open(t, nil)
			dir := fmt.Sprintf("%s/coord-%d", tmp, os.Geteuid())
			require.Equal(t, dir, filepath.Dir(path(st)))
			info, err := os.Stat(dir)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
			put(t, c, "k")
		})
	}
}

func TestASocketsPathHasAtMost107Bytes(t *testing.T) {
	_, run := home(t)
	pad := 107 - len(filepath.Join(run, "x", "coord", strings.Repeat("h", 20)+".sock"))
	long := filepath.Join(run, "x"+strings.Repeat("y", pad))
	require.NoError(t, os.Mkdir(long, 0o700))
	t.Setenv("XDG_RUNTIME_DIR", long)
	st, c := open(t, nil)
	require.Len(t, path(st), 107)
	require.Equal(t, long+"/coord", filepath.Dir(path(st)), "the longest that fits")
	put(t, c, "k")
}

func TestKnowsItsOwnEndpoint(t *testing.T) {
	home(t)
	require.False(t, local.IsLocalEndpoint("unix:///tmp/x.sock"))
	st, _ := open(t, nil)
	path := path(st)
	for endpoint, want := range map[string]bool{
		st.Endpoint():              true,
		"unix:" + path:             true,
		"unix:///other/dir/x.sock": false,
		"127.0.0.1:2379":           false,
		path:                       false,
		"":                         false,
	} {
		require.Equal(t, want, local.IsLocalEndpoint(endpoint), "IsLocalEndpoint(%q)", endpoint)
	}
	conn, pid := watchServer(t, st)
	kill(t, conn, pid)
	require.True(t, local.IsLocalEndpoint(st.Endpoint()), "without a server")
}

func TestSaysWhatItFellBackTo(t *testing.T) {
	home(t)
	st, _ := open(t, nil)
	require.Contains(t, st.Notice(), "started the local store")
	other, _ := open(t, nil)
	require.Contains(t, other.Notice(), "using the local store")
	require.NotContains(t, other.Notice(), "\n")
}
