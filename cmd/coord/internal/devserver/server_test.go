//go:build !nolocal

package devserver_test

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/cmd/coord/internal/devserver"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == openWord {
		openData(os.Args[2])
		return
	}
	goleak.VerifyTestMain(m)
}

func start(t *testing.T, opts *devserver.Options) *devserver.Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := devserver.Start(ctx, opts)
	require.NoError(t, err, "Start")
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func client(t *testing.T, endpoint string) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: 5 * time.Second})
	require.NoError(t, err, "client")
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// shortDir is a directory with a path short enough for a socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "dv")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestServesOnASocketAndKeepsItsDataOverARestart(t *testing.T) {
	dir := shortDir(t)
	opts := &devserver.Options{DataDir: filepath.Join(dir, "etcd"), Socket: filepath.Join(dir, "s.sock")}
	require.NoError(t, os.WriteFile(opts.Socket, []byte("left by a crash"), 0o600))
	s := start(t, opts)
	require.Equal(t, "unix://"+opts.Socket, s.Endpoint())
	require.NoFileExists(t, filepath.Join(dir, "s.new"), "the name it was bound under")

	before := s.Revision()
	_, err := client(t, s.Endpoint()).Put(t.Context(), "k", "v")
	require.NoError(t, err, "Put")
	require.Greater(t, s.Revision(), before, "Revision after a write")
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "second Close")
	require.NoError(t, s.Err(), "Err of a closed server")

	got, err := client(t, start(t, opts).Endpoint()).Get(t.Context(), "k")
	require.NoError(t, err, "Get")
	require.Len(t, got.Kvs, 1)
	require.Equal(t, "v", string(got.Kvs[0].Value))
}

func TestCountsLeases(t *testing.T) {
	dir := shortDir(t)
	s := start(t, &devserver.Options{DataDir: dir + "/etcd", Listen: "127.0.0.1:0", NoSync: true})
	c := client(t, s.Endpoint())
	lease, err := c.Grant(t.Context(), 60)
	require.NoError(t, err, "Grant")
	n, err := s.Leases(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n, "Leases")
	_, err = c.Revoke(t.Context(), lease.ID)
	require.NoError(t, err, "Revoke")
	n, err = s.Leases(t.Context())
	require.NoError(t, err)
	require.Zero(t, n, "Leases")
}

// A client that asks for the members' addresses must get one it can use.
func TestListensOnAFreePortAndSaysWhich(t *testing.T) {
	dir := shortDir(t)
	s := start(t, &devserver.Options{DataDir: dir + "/etcd", Listen: "127.0.0.1:0", NoSync: true})
	host, port, err := net.SplitHostPort(s.Endpoint())
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", host)
	require.NotEqual(t, "0", port)

	c := client(t, s.Endpoint())
	require.NoError(t, c.Sync(t.Context()), "Sync")
	require.Equal(t, []string{"http://" + s.Endpoint()}, c.Endpoints())
	_, err = c.Put(t.Context(), "k", "v")
	require.NoError(t, err, "Put")
}

// No peer listener, no abstract socket: nothing but the one address that was asked for.
func TestListensNowhereElse(t *testing.T) {
	dir := shortDir(t)
	opts := &devserver.Options{DataDir: dir + "/etcd", Socket: dir + "/s.sock", NoSync: true}
	start(t, opts)
	require.Equal(t, []string{"unix " + dir + "/s.new"}, listeners(t))
}

// listeners returns what this process listens on. A unix socket is shown under the name it was bound to.
func listeners(t *testing.T) []string {
	t.Helper()
	mine := map[string]bool{}
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc")
	}
	for _, fd := range fds {
		link, _ := os.Readlink("/proc/self/fd/" + fd.Name())
		mine[strings.TrimSuffix(strings.TrimPrefix(link, "socket:["), "]")] = strings.HasPrefix(link, "socket:[")
	}
	var found []string
	for _, table := range []struct {
		name, state         string
		stateCol, inode, at int
	}{{"unix", "00010000", 3, 6, 7}, {"tcp", "0A", 3, 9, 1}, {"tcp6", "0A", 3, 9, 1}} {
		lines, err := os.ReadFile("/proc/net/" + table.name)
		require.NoError(t, err)
		for line := range strings.Lines(string(lines)) {
			f := append(strings.Fields(line), "", "", "", "", "", "", "", "")
			if f[table.stateCol] == table.state && mine[f[table.inode]] {
				found = append(found, table.name+" "+f[table.at])
			}
		}
	}
	return found
}

func TestIsSmallOnDisk(t *testing.T) {
	dir := shortDir(t)
	s := start(t, &devserver.Options{DataDir: dir + "/etcd", Socket: dir + "/s.sock"})
	_, err := client(t, s.Endpoint()).Put(t.Context(), "k", "v")
	require.NoError(t, err)
	var size int64
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		var st unix.Stat_t
		err = unix.Stat(path, &st) // blocks in use: etcd's files have holes
		size += st.Blocks * 512
		return err
	}))
	require.Less(t, size, int64(4<<20), "bytes on disk")
}

// patience is less than etcd's own Close waits for what is open, seven seconds, and more than a busy machine takes.
const patience = 5 * time.Second

func TestClosesAtOnceUnderAnOpenWatch(t *testing.T) {
	dir := shortDir(t)
	var log strings.Builder
	s := start(t, &devserver.Options{
		DataDir: dir + "/etcd", Socket: dir + "/s.sock", NoSync: true,
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	c := client(t, s.Endpoint())
	w := c.Watch(t.Context(), "k", clientv3.WithCreatedNotify())
	require.True(t, (<-w).Created)
	begin := time.Now()
	require.NoError(t, s.Close())
	require.Less(t, time.Since(begin), patience, "Close")
	require.Empty(t, log.String(), "a clean stop logs no errors")
	require.NoError(t, c.Close()) // no more reconnecting
}

// A client that was stopped just after it connected, say, must not hold up a server that leaves.
func TestClosesAtOnceUnderASilentConnection(t *testing.T) {
	dir := shortDir(t)
	s := start(t, &devserver.Options{DataDir: dir + "/etcd", Socket: dir + "/s.sock", NoSync: true})
	for _, hello := range []string{"", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"} { // nothing, and a handshake's first half
		c, err := net.Dial("unix", dir+"/s.sock")
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Write([]byte(hello))
		require.NoError(t, err)
	}
	_, err := client(t, s.Endpoint()).Get(t.Context(), "k") // those before have been accepted by now
	require.NoError(t, err)
	begin := time.Now()
	require.NoError(t, s.Close())
	require.Less(t, time.Since(begin), patience, "Close")
}

func TestRefusesBadOptions(t *testing.T) {
	dir := t.TempDir()
	for _, opts := range []*devserver.Options{
		{Socket: "/s"},
		{DataDir: dir},
		{DataDir: dir, Socket: "/s", Listen: "127.0.0.1:0"},
		{DataDir: dir, Listen: "nonsense"},
		{DataDir: dir, Listen: "example.org:1"},
	} {
		t.Run(fmt.Sprintf("%+v", *opts), func(t *testing.T) {
			_, err := devserver.Start(t.Context(), opts)
			require.ErrorIs(t, err, devserver.ErrInvalid)
		})
	}
}

func TestSaysThatAPortIsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, err = devserver.Start(t.Context(), &devserver.Options{DataDir: t.TempDir(), Listen: l.Addr().String()})
	require.ErrorContains(t, err, "address already in use")
}
