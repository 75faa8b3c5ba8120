//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hangs is a command for --on-lost that tells its process and stays, whatever TERM says.
const hangs = `trap "" TERM; echo $$ >hook.new; mv hook.new hook; while :; do sleep 0.05; done`

func hookPid(t *testing.T, dir string) int {
	t.Helper()
	require.NoError(t, os.Rename(filepath.Join(dir, "hook"), filepath.Join(dir, "pid")))
	return childPid(t, dir)
}

func breakLock(t *testing.T, h home, name string) {
	t.Helper()
	_, messages, code := h.coord(t, "lock", "break", "--yes", name)
	require.Zero(t, code, messages)
}

func TestOnLostHasTheGraceAndNoMore(t *testing.T) {
	t.Parallel()
	p, dir := shared.holds(t, "exec sleep 60", "--kill-after", "1s", "--on-lost", hangs, t.Name())
	breakLock(t, shared, t.Name())
	require.Equal(t, 76, p.code(), p.err.String())
	pid := childPid(t, dir)
	require.False(t, alive(pid))
	require.False(t, alive(hookPid(t, dir)), "the hook outlived the grace")
	require.Contains(t, p.err.String(), "coord: --on-lost was ended by SIGKILL")
}

func TestSignalEndsOnLost(t *testing.T) {
	t.Parallel()
	p, dir := shared.holds(t, "exec sleep 60", "--kill-after", "10m", "--on-lost", hangs, t.Name())
	pid := childPid(t, dir)
	breakLock(t, shared, t.Name())
	eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(dir, "hook"))
		return err == nil && !alive(pid)
	})
	// One that comes before the child was reaped is the child's.
	eventually(t, func() bool {
		signal(t, p.Process.Pid, syscall.SIGTERM)
		return !alive(p.Process.Pid)
	})
	require.Equal(t, 76, p.code(), p.err.String())
	require.False(t, alive(hookPid(t, dir)))
}

func TestOnLostDelaysNothing(t *testing.T) {
	t.Run("store out of reach", func(t *testing.T) {
		t.Parallel()
		h := ownHome(t)
		p, dir := h.holds(t, `trap "" TERM; while :; do sleep 0.05; done`, "--ttl", longTTL.String(), "--on-lost", hangs, "l")
		server := h.server(t)
		stopped := time.Now()
		signal(t, server, syscall.SIGSTOP)
		defer signal(t, server, syscall.SIGCONT)
		pid := childPid(t, dir)
		eventually(t, func() bool { return !alive(pid) })
		require.Less(t, time.Since(stopped), longTTL, "the child outlived the lease")
		require.Equal(t, 76, p.code(), p.err.String())
		require.False(t, alive(hookPid(t, dir)))
	})
	t.Run("coord stopped past its lease", func(t *testing.T) {
		t.Parallel()
		h := ownHome(t)
		p, dir := h.holds(t, "exec sleep 60", "--ttl", "2s", "--on-lost", `readlink /proc/$$/fd/0 >hook; echo "$COORD_LOST" >>hook`, "l")
		signal(t, p.Process.Pid, syscall.SIGSTOP)
		_, messages, code := h.coord(t, "run", "l", "true")
		require.Zero(t, code, "the next one gets it: %s", messages)
		require.NoFileExists(t, filepath.Join(dir, "hook"))
		signal(t, p.Process.Pid, syscall.SIGCONT)
		require.Equal(t, 76, p.code(), p.err.String())
		told, err := os.ReadFile(filepath.Join(dir, "hook"))
		require.NoError(t, err)
		require.Regexp(t, `^/dev/null\nlost: .+\n$`, string(told))
	})
}

func TestPasswordIsNeitherSaidNorHandedOn(t *testing.T) {
	t.Parallel()
	h := ownHome(t)
	p := h.startEnv(t, t.TempDir(), "COORD_PASSWORD=secret-1", "--endpoints", "http://127.0.0.1:1", "--user", "u:secret-2", "run", "-v",
		"--status-file", "status", "l", "true")
	require.Equal(t, 69, p.code())
	status, err := os.ReadFile(filepath.Join(p.Dir, "status"))
	require.NoError(t, err)
	require.NotContains(t, p.err.String()+string(status), "secret")
	require.Contains(t, p.err.String(), "connecting to http://127.0.0.1:1")
}

func TestStatusFileTellsOfASignalThatEndedTheWait(t *testing.T) {
	t.Parallel()
	_, _ = shared.holds(t, "exec sleep 60", t.Name())
	waiter := shared.start(t, t.TempDir(), "", "run", "--status-file", "status", t.Name(), "true")
	queued := func() bool {
		out, _, _ := shared.coord(t, "lock", "describe", t.Name())
		return strings.Count(out, "\n") == 3
	}
	eventually(t, queued)
	signal(t, waiter.Process.Pid, syscall.SIGHUP)
	require.Equal(t, 128+int(syscall.SIGHUP), waiter.code())
	status, err := os.ReadFile(filepath.Join(waiter.Dir, "status"))
	require.NoError(t, err)
	require.Contains(t, string(status), `"outcome": "interrupted"`)
	require.Contains(t, string(status), `"exit_code": 129`)
}
