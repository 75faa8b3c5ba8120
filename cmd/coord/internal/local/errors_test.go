//go:build linux && !nolocal

package local_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/cmd/coord/internal/devserver"
	"github.com/coordkit/coord/cmd/coord/internal/local"
)

func openError(t *testing.T) error {
	t.Helper()
	st, err := local.Open(t.Context(), nil)
	if err == nil {
		_ = st.Close()
	}
	require.Error(t, err, "Open")
	return err
}

// stopped returns the directory of a store that was used, and whose server was ended by sig.
func stopped(t *testing.T, sig unix.Signal) string {
	t.Helper()
	state, _ := home(t)
	st, c := open(t, nil)
	put(t, c, "k")
	require.NoError(t, c.Close())
	conn, pid := watchServer(t, st)
	require.NoError(t, unix.Kill(pid, sig))
	ended(t, conn)
	require.NoError(t, st.Close())
	dir := dirOf(t, state)
	// The connection ends before the process: its flock goes last.
	f, err := os.Open(dir + "/server")
	require.NoError(t, err)
	defer f.Close()
	require.Eventually(t, func() bool { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil },
		20*time.Second, time.Millisecond)
	return dir
}

// snapshot returns a hash of every file below dir.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files[path] = fmt.Sprintf("%d bytes, %x", len(text), sha256.Sum256(text))
		return err
	}))
	return files
}

func TestSpoiltDataIsOneClearErrorAndLeftAlone(t *testing.T) {
	for name, file := range map[string]string{"database": "member/snap/db", "log": "member/wal/0000000000000000-0000000000000000.wal"} {
		t.Run(name, func(t *testing.T) {
			dir := stopped(t, unix.SIGKILL)
			junk := bytes.Repeat([]byte("not etcd's "), 1000)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "etcd", file), junk, 0o600))
			before := snapshot(t, dir+"/etcd")
			requireCode(t, openError(t), local.Unavailable, "cannot open the data in "+dir+"/etcd: ")
			require.Equal(t, before, snapshot(t, dir+"/etcd"), "nothing was touched")
		})
	}
}

func TestDataOfANewerEtcdNamesBothVersions(t *testing.T) {
	dir := stopped(t, unix.SIGTERM)
	db := dir + "/etcd/member/snap/db"
	data, err := os.ReadFile(db)
	require.NoError(t, err)
	mine := "clusterVersion" + devserver.Version[:3]
	require.True(t, bytes.Contains(data, []byte(mine)), "the database has the cluster's version")
	require.NoError(t, os.WriteFile(db, bytes.ReplaceAll(data, []byte(mine), []byte("clusterVersion9.9")), 0o600))
	err = openError(t)
	requireCode(t, err, local.Unavailable, "etcd 9.9")
	require.ErrorContains(t, err, "etcd "+devserver.Version)
}

func TestAnUnusableStateDirectoryIsAQuestionOfConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, spoil := range map[string]func(t *testing.T, state string){
		"file for the state home": func(t *testing.T, _ string) { t.Setenv("XDG_STATE_HOME", file) },
		"file for the directory": func(t *testing.T, state string) {
			require.NoError(t, os.MkdirAll(state, 0o700))
			require.NoError(t, os.WriteFile(state+"/coord", nil, 0o600))
		},
		"link for the directory": func(t *testing.T, state string) {
			open(t, nil)
			dir := dirOf(t, state)
			require.NoError(t, os.Rename(dir, state+"/elsewhere"))
			require.NoError(t, os.Symlink(state+"/elsewhere", dir))
		},
		"directory for a flock": func(t *testing.T, state string) {
			st, _ := open(t, nil)
			require.NoError(t, st.Close())
			use := dirOf(t, state) + "/use"
			require.NoError(t, os.Remove(use))
			require.NoError(t, os.Mkdir(use, 0o700))
		},
		"directory for the pointer": func(t *testing.T, state string) {
			st, c := open(t, nil)
			require.NoError(t, c.Close())
			conn, pid := watchServer(t, st)
			kill(t, conn, pid)
			pointer := dirOf(t, state) + "/socket"
			require.NoError(t, os.Remove(pointer))
			require.NoError(t, os.Mkdir(pointer, 0o700))
		},
	} {
		t.Run(name, func(t *testing.T) {
			state, _ := home(t)
			spoil(t, state)
			requireCode(t, openError(t), local.Config, "state directory")
		})
	}
}

func TestTheDirectoryOfAnotherUserIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	dir := stopped(t, unix.SIGKILL)
	require.NoError(t, os.Chown(dir, 12345, -1))
	requireCode(t, openError(t), local.Config, "belongs to uid 12345")
}

// Somebody else's etcd, or a container with the same directories and other sockets.
func TestDataHeldByAServerThatCannotBeReachedIsSaidSo(t *testing.T) {
	dir := stopped(t, unix.SIGKILL)
	f, err := os.OpenFile(dir+"/server", os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, unix.Flock(int(f.Fd()), unix.LOCK_EX))
	begin := time.Now()
	requireCode(t, openError(t), local.Unavailable, "another server has the data")
	require.Less(t, time.Since(begin), 8*time.Second)
}

func TestTheLocalStoreCanBeForbidden(t *testing.T) {
	home(t)
	t.Setenv("COORD_LOCAL", "off")
	requireCode(t, openError(t), local.Config, "COORD_LOCAL=off")
	t.Setenv("COORD_LOCAL", "nonsense")
	requireCode(t, openError(t), local.Config, "on or off")
}
