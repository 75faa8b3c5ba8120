//go:build linux && !nolocal

package local_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/cmd/coord/internal/local"
)

// clientWord makes the test binary a short-lived command: it opens the store, appends itself to a list of keys, and prints
// the pid of the server it spoke to.
const clientWord = "__client"

// The test binary plays the command, too: a server is started from /proc/self/exe.
func TestMain(m *testing.M) {
	// Inherited by the processes of the tests: the race detector would hold up each exit by a second.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case local.ServeCommand:
			os.Exit(local.ServeMain(os.Args[2:]))
		case clientWord:
			if err := runClient(os.Args[2]); err != nil {
				fmt.Println(err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	goleak.VerifyTestMain(m)
}

func runClient(key string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	st, err := local.Open(ctx, nil)
	if err != nil {
		return err
	}
	defer st.Close()
	c, err := newClient(st)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Put(ctx, key, "done"); err != nil {
		return err
	}
	pid, err := serverOf(st.Endpoint())
	fmt.Println(pid)
	return err
}

// command returns the test binary as a command that puts key.
func command(t *testing.T, key string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	return exec.CommandContext(t.Context(), exe, clientWord, key)
}

func newClient(st *local.Store) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{
		Endpoints:   []string{st.Endpoint()},
		DialOptions: st.DialOptions(),
		Logger:      zap.NewNop(),
	})
}

// home gives the test a state home and a runtime directory of its own, and ends the server that is left in the end.
func home(t *testing.T) (state, run string) {
	t.Helper()
	root, err := os.MkdirTemp("", "lc")
	require.NoError(t, err)
	state, run = filepath.Join(root, "state"), filepath.Join(root, "run")
	require.NoError(t, os.Mkdir(run, 0o700))
	t.Setenv("XDG_STATE_HOME", state)
	t.Setenv("XDG_RUNTIME_DIR", run)
	t.Setenv("COORD_LOCAL", "")
	t.Cleanup(func() {
		conn, err := net.Dial("unix", pointerOf(state))
		if err == nil {
			defer conn.Close()
			pid, err := peerPID(conn)
			require.NoError(t, err)
			if err := unix.Kill(pid, unix.SIGTERM); !errors.Is(err, unix.ESRCH) { // it may be leaving by itself
				require.NoError(t, err)
			}
			ended(t, conn)
		}
		require.NoError(t, os.RemoveAll(root))
	})
	return state, run
}

// dirOf returns the one store's directory below a state home.
func dirOf(t *testing.T, state string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(state, "coord", "*"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	return found[0]
}

func pointerOf(state string) string {
	found, _ := filepath.Glob(filepath.Join(state, "coord", "*", "socket"))
	if len(found) != 1 {
		return ""
	}
	text, _ := os.ReadFile(found[0])
	return strings.TrimSpace(string(text))
}

// path returns the path of the socket that st last connected to.
func path(st *local.Store) string { return strings.TrimPrefix(st.Endpoint(), "unix://") }

// open opens the store with a client on it, both closed in the end.
func open(t *testing.T, opts *local.Options) (*local.Store, *clientv3.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	st, err := local.Open(ctx, opts)
	require.NoError(t, err, "Open")
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	c, err := newClient(st)
	require.NoError(t, err, "client")
	t.Cleanup(func() { _ = c.Close() })
	return st, c
}

// put writes; a write whose answer was lost with its connection is repeated, for it is the same either way.
func put(t *testing.T, c *clientv3.Client, key string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := c.Put(ctx, key, "done")
	for err != nil && ctx.Err() == nil {
		_, err = c.Put(ctx, key, "done")
	}
	require.NoError(t, err, "Put(%q)", key)
}

func has(t *testing.T, c *clientv3.Client, prefix string) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got, err := c.Get(ctx, prefix, clientv3.WithPrefix(), clientv3.WithCountOnly())
	require.NoError(t, err, "Get(%q)", prefix)
	return got.Count
}

// serverOf returns the pid of the server behind an endpoint.
func serverOf(endpoint string) (int, error) {
	conn, err := net.Dial("unix", strings.TrimPrefix(endpoint, "unix://"))
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	return peerPID(conn)
}

func peerPID(conn net.Conn) (pid int, err error) {
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return 0, err
	}
	cerr := raw.Control(func(fd uintptr) {
		var cred *unix.Ucred
		if cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	if cerr != nil {
		err = cerr
	}
	return pid, err
}

// watchServer returns a connection to the server, for ended, and its pid.
func watchServer(t *testing.T, st *local.Store) (net.Conn, int) {
	t.Helper()
	conn, err := net.Dial("unix", path(st))
	require.NoError(t, err, "dial")
	t.Cleanup(func() { _ = conn.Close() })
	pid, err := peerPID(conn)
	require.NoError(t, err)
	return conn, pid
}

// ended waits until the server at the other end of conn is gone. A pid would not do: a zombie has one.
func ended(t *testing.T, conn net.Conn) {
	t.Helper()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	buf := make([]byte, 1024)
	for {
		if _, err := conn.Read(buf); err != nil {
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the server goes on")
			return
		}
	}
}

func kill(t *testing.T, conn net.Conn, pid int) {
	t.Helper()
	require.NoError(t, unix.Kill(pid, unix.SIGKILL))
	ended(t, conn)
}

// requireCode checks an error's type and code, and that it says one thing on one line.
func requireCode(t *testing.T, err error, code int, text string) {
	t.Helper()
	var e *local.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, code, e.ExitCode(), "%v", err)
	require.ErrorContains(t, err, text)
	require.NotContains(t, err.Error(), "\n")
}
