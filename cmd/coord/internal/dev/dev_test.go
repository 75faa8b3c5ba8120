//go:build linux && !nolocal

package dev_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/cmd/coord/internal/dev"
)

// runWord makes the test binary the command: it runs a store, listening at the next argument, and the program that the
// rest are.
const runWord = "__dev"

func TestMain(m *testing.M) {
	os.Setenv("GORACE", "atexit_sleep_ms=0") // for the processes of the tests: the race detector holds up each exit
	if len(os.Args) > 2 && os.Args[1] == runWord {
		code, err := dev.Run(context.Background(), &dev.Options{
			Listen: os.Args[2], Command: os.Args[3:], Out: os.Stdout, Err: os.Stderr,
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// command returns the test binary as the command, with a temporary directory of its own, which must be empty in the end.
func command(t *testing.T, listen string, program ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	tmp := t.TempDir()
	cmd := exec.CommandContext(t.Context(), exe, append([]string{runWord, listen}, program...)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	t.Cleanup(func() {
		left, err := filepath.Glob(filepath.Join(tmp, "*"))
		require.NoError(t, err)
		require.Empty(t, left, "left in the temporary directory")
	})
	return cmd
}

func code(t *testing.T, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	return exit.ExitCode()
}

func TestEndsWithItsProgramAndItsExitCode(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 42": 42, "kill -9 $$": 137} {
		out, err := command(t, "", "sh", "-c", script).CombinedOutput()
		require.Equal(t, want, code(t, err), "%s: %s", script, out)
		require.Empty(t, string(out))
	}
}

func TestTellsItsProgramTheEndpoint(t *testing.T) {
	t.Setenv("COORD_LOCK_TOKEN", "1")
	t.Setenv("ETCDCTL_USER", "somebody else's")
	out, err := command(t, "", "env").Output()
	require.NoError(t, err)
	var endpoint string
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch {
		case name == "COORD_ENDPOINTS", name == "ETCDCTL_ENDPOINTS":
			if endpoint == "" {
				endpoint = value
			}
			require.Equal(t, endpoint, value)
		default:
			require.False(t, strings.HasPrefix(name, "COORD_") || strings.HasPrefix(name, "ETCDCTL_"), line)
		}
	}
	host, _, err := net.SplitHostPort(endpoint)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", host)
}

func TestServesUntilASignalComes(t *testing.T) {
	for _, sig := range []unix.Signal{unix.SIGINT, unix.SIGTERM} {
		cmd := command(t, "")
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		endpoint, err := bufio.NewReader(out).ReadString('\n')
		require.NoError(t, err)
		c, err := clientv3.New(clientv3.Config{Endpoints: []string{strings.TrimSpace(endpoint)}})
		require.NoError(t, err)
		_, err = c.Put(t.Context(), "k", "v")
		require.NoError(t, err)
		require.NoError(t, c.Close())
		require.NoError(t, cmd.Process.Signal(sig))
		_, _ = io.Copy(io.Discard, out)
		require.Zero(t, code(t, cmd.Wait()))
	}
}

func TestPassesSignalsOn(t *testing.T) {
	cmd := command(t, "", "sh", "-c", `trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done`)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Signal(unix.SIGTERM))
	require.Equal(t, 7, code(t, cmd.Wait()))
}

func TestSaysWhatIsWrong(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	for _, tc := range []struct {
		listen  string
		program []string
		code    int
		text    string
	}{
		{"nonsense", nil, dev.Usage, "listen address"},
		{"example.org:1", nil, dev.Usage, "IP address"},
		{l.Addr().String(), nil, dev.Unavailable, "address already in use"},
		{"", []string{"no-such-program"}, 127, "not found"},
		{"", []string{"/dev/null"}, 126, "permission denied"},
	} {
		out, err := command(t, tc.listen, tc.program...).CombinedOutput()
		require.Equal(t, tc.code, code(t, err), "%+v: %s", tc, out)
		require.Contains(t, string(out), tc.text)
	}
}

func TestTheEndOfTheContextEndsIt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	up := filepath.Join(t.TempDir(), "up")
	go func() {
		defer cancel()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-tick.C {
			if _, err := os.Stat(up); err == nil {
				return
			}
		}
	}()
	got, err := dev.Run(ctx, &dev.Options{Command: []string{"sh", "-c", "touch $0; exec sleep 60", up}, Out: io.Discard, Err: io.Discard})
	require.NoError(t, err)
	require.Equal(t, 128+15, got)
}
