//go:build !nolocal

package devserver_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/version"
	"go.etcd.io/etcd/server/v3/storage/backend"
	"go.etcd.io/etcd/server/v3/storage/schema"
	"go.uber.org/zap"

	"github.com/coordkit/coord/cmd/coord/internal/devserver"
)

// openWord makes the test binary start a server on a data directory and print how that went. A process of its own: a
// start that fails leaves parts of etcd behind.
const openWord = "__open-data"

func openData(dir string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s, err := devserver.Start(ctx, &devserver.Options{DataDir: filepath.Join(dir, "etcd"), Socket: filepath.Join(dir, "s")})
	var newer *devserver.NewerDataError
	switch {
	case errors.As(err, &newer):
		fmt.Printf("newer: data %s, server %s: %v\n", newer.Data, newer.Server, err)
	case err != nil:
		fmt.Println("error:", err)
	default:
		_ = s.Close()
		fmt.Println("ok")
	}
}

// opened runs openData in a process of its own and returns what it printed.
func opened(t *testing.T, dir string) string {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), exe, openWord, dir)
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0") // the race detector would hold up each exit by a second
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// written returns a directory with the data of a server that ran there, and its database's path.
func written(t *testing.T) (dir, db string) {
	t.Helper()
	dir = shortDir(t)
	s := start(t, &devserver.Options{DataDir: filepath.Join(dir, "etcd"), Socket: filepath.Join(dir, "s")})
	_, err := client(t, s.Endpoint()).Put(t.Context(), "k", "v")
	require.NoError(t, err)
	require.NoError(t, s.Close())
	return dir, filepath.Join(dir, "etcd", "member", "snap", "db")
}

// rewrite changes the database of a server that does not run.
func rewrite(t *testing.T, db string, f func(backend.Backend)) {
	t.Helper()
	be := backend.NewDefaultBackend(zap.NewNop(), db)
	f(be)
	be.ForceCommit()
	require.NoError(t, be.Close())
}

func TestNamesBothVersionsOfNewerData(t *testing.T) {
	for name, tc := range map[string]struct {
		major, minor int64
		storage      bool // else the cluster's version
	}{
		"cluster version": {3, 9, false},
		"storage version": {3, 9, true},
		"next minor":      {3, 8, true},
		"next major":      {4, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir, db := written(t)
			rewrite(t, db, func(be backend.Backend) {
				v := version.V3_7
				v.Major, v.Minor = tc.major, tc.minor
				if !tc.storage {
					schema.NewMembershipBackend(zap.NewNop(), be).MustSaveClusterVersionToBackend(&v)
					return
				}
				tx := be.BatchTx()
				tx.LockOutsideApply()
				defer tx.Unlock()
				schema.UnsafeSetStorageVersion(tx, &v)
			})
			out := opened(t, dir)
			require.Contains(t, out, fmt.Sprintf("newer: data %d.%d", tc.major, tc.minor), "the data's version")
			require.Contains(t, out, "server "+devserver.Version, "the server's version")
		})
	}
}

// Whatever etcd does about spoilt data (return an error, log and exit, panic), it comes back as an error.
func TestReportsSpoiltData(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, dir, db string){
		"database":  func(t *testing.T, _, db string) { overwrite(t, db) },
		"log":       func(t *testing.T, dir, _ string) { overwrite(t, wal(t, dir)) },
		"empty log": func(t *testing.T, dir, _ string) { require.NoError(t, os.Truncate(wal(t, dir), 0)) },
		"no log":    func(t *testing.T, dir, _ string) { require.NoError(t, os.Remove(wal(t, dir))) },
		"file for a directory": func(t *testing.T, dir, _ string) {
			require.NoError(t, os.RemoveAll(filepath.Join(dir, "etcd")))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "etcd"), nil, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, db := written(t)
			spoil(t, dir, db)
			out := opened(t, dir)
			t.Log(out)
			require.Regexp(t, `^error: .{10,}\n$`, out)
		})
	}
}

// A first start that was killed must not be taken for spoilt data.
func TestStartsOnADatabaseThatWasNeverUsed(t *testing.T) {
	dir := shortDir(t)
	snap := filepath.Join(dir, "etcd", "member", "snap")
	require.NoError(t, os.MkdirAll(snap, 0o700))
	rewrite(t, filepath.Join(snap, "db"), func(backend.Backend) {})
	require.Equal(t, "ok\n", opened(t, dir))
}

func wal(t *testing.T, dir string) string {
	t.Helper()
	var found string
	require.NoError(t, filepath.WalkDir(filepath.Join(dir, "etcd", "member", "wal"), func(p string, _ fs.DirEntry, err error) error {
		if filepath.Ext(p) == ".wal" {
			found = p
		}
		return err
	}))
	require.NotEmpty(t, found)
	return found
}

func overwrite(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	junk := make([]byte, min(info.Size(), 1<<20))
	for i := range junk {
		junk[i] = byte(i*7 + 3)
	}
	require.NoError(t, os.WriteFile(path, junk, 0o600))
}
