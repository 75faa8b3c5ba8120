//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTwelveProcessesCountToTwelve(t *testing.T) {
	h := ownHome(t) // no server runs yet: one of the twelve starts it
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "n"), []byte("0"), 0o600))
	var all []*process
	for range 12 {
		all = append(all, h.start(t, dir, "", "run", "count", "--", "sh", "-c", "n=$(cat n); sleep 0.02; echo $((n+1)) >n"))
	}
	for _, p := range all {
		require.Zero(t, p.code(), p.err.String())
	}
	n, err := os.ReadFile(filepath.Join(dir, "n"))
	require.NoError(t, err)
	require.Equal(t, "12\n", string(n))
	out, _, code := h.coord(t, "lock", "ls", "-o", "json")
	require.Zero(t, code)
	require.JSONEq(t, "[]", out)
}

func TestExitCodeIsTheChilds(t *testing.T) {
	notExecutable := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(notExecutable, nil, 0o600))
	for _, c := range []struct {
		name string
		args []string
		want int
	}{
		{"success", []string{"true"}, 0},
		{"42", []string{"sh", "-c", "exit 42"}, 42},
		{"42 after --", []string{"--", "sh", "-c", "exit 42"}, 42},
		{"255", []string{"sh", "-c", "exit 255"}, 255},
		{"killed by 9", []string{"sh", "-c", "kill -9 $$"}, 137},
		{"ended by TERM", []string{"sh", "-c", "kill -TERM $$"}, 143},
		{"a second -- is the child's", []string{"--", "sh", "-c", "[ $1 = -- ]", "sh", "--"}, 0},
		{"not found", []string{"no-such-program"}, 127},
		{"no such path", []string{"./no-such-program"}, 127},
		{"not executable", []string{notExecutable}, 126},
		{"a directory", []string{t.TempDir()}, 126},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, messages, code := shared.coord(t, append([]string{"run", t.Name()}, c.args...)...)
			require.Equal(t, c.want, code, messages)
		})
	}
}

func TestProgramThatCannotRunIsKnownBeforeTheStoreIsAsked(t *testing.T) {
	h := ownHome(t)
	_, messages, code := h.coord(t, "run", "l", "no-such-program")
	require.Equal(t, 127, code)
	require.Equal(t, "coord: no-such-program: command not found\n", messages)
	files, err := os.ReadDir(filepath.Join(h.dir, "state"))
	require.NoError(t, err)
	require.Empty(t, files, "a store was made")
}

func TestChildGetsFlagsStdinAndEnvironment(t *testing.T) {
	out, _, code := shared.coord(t, "run", t.Name(), "ls", "-d", "/tmp")
	require.Zero(t, code)
	require.Equal(t, "/tmp\n", out)

	p := shared.start(t, t.TempDir(), "hello", "run", t.Name(), "cat")
	require.Zero(t, p.code())
	require.Equal(t, "hello", p.out.String())

	p = shared.start(t, t.TempDir(), "", "run", t.Name(), "env")
	require.Zero(t, p.code())
	env := map[string]string{}
	for line := range strings.Lines(p.out.String()) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		env[name] = value
	}
	require.Equal(t, t.Name(), env["COORD_LOCK_NAME"])
	require.Regexp(t, `^[1-9][0-9]*$`, env["COORD_LOCK_TOKEN"])
	require.Regexp(t, `^[0-9a-f]+$`, env["COORD_LOCK_LEASE"])
	require.True(t, strings.HasPrefix(env["COORD_LOCK_KEY"], "coord/lock/"+t.Name()+"/w/"), env["COORD_LOCK_KEY"])
	require.Equal(t, env["COORD_LOCK_KEY"], env["ETCD_LOCK_KEY"])
	require.Equal(t, env["COORD_LOCK_TOKEN"], env["ETCD_LOCK_REV"])
	require.NotEmpty(t, env["COORD_ENDPOINTS"])
	require.Equal(t, env["COORD_ENDPOINTS"], env["ETCDCTL_ENDPOINTS"])
}

func TestCoordInsideCoordUsesTheSameStore(t *testing.T) {
	out, messages, code := shared.coord(t, "run", t.Name(), binary, "lock", "ls", "-o", "name")
	require.Zero(t, code, messages)
	require.Contains(t, out, t.Name()+"\n")
	require.Equal(t, 1, strings.Count(messages, "local store"), "told once: %s", messages)
}

func TestQuietRunSaysNothing(t *testing.T) {
	_, messages, code := shared.coord(t, "run", "-q", t.Name(), "true")
	require.Zero(t, code)
	require.Empty(t, messages)
}

func TestTermReachesTheChildAndItsCodeComesBack(t *testing.T) {
	p, dir := shared.holds(t, `trap "exit 7" TERM; touch armed; while :; do sleep 0.02; done`, t.Name())
	eventually(t, func() bool { _, err := os.Stat(filepath.Join(dir, "armed")); return err == nil })
	signal(t, p.Process.Pid, syscall.SIGTERM)
	require.Equal(t, 7, p.code())
}

func TestTermEndsAStoppedChildToo(t *testing.T) {
	p, dir := shared.holds(t, "kill -STOP $$; sleep 60", t.Name())
	signal(t, p.Process.Pid, syscall.SIGTERM)
	require.Equal(t, 128+int(syscall.SIGTERM), p.code())
	require.False(t, alive(childPid(t, dir)))
}

func TestIgnoredSignalsStayIgnored(t *testing.T) {
	// As nohup starts it: HUP reaches neither coord nor its child.
	dir := t.TempDir()
	script := fmt.Sprintf("trap '' HUP; exec %s run %s -- sh -c 'touch up; while [ ! -e go ]; do sleep 0.02; done; exit 5'", binary, t.Name())
	p := shared.start(t, dir, "", "run", "outer"+t.Name(), "sh", "-c", script)
	eventually(t, func() bool { _, err := os.Stat(filepath.Join(dir, "up")); return err == nil })
	signal(t, p.Process.Pid, syscall.SIGHUP)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go"), nil, 0o600))
	require.Equal(t, 5, p.code())
}

func TestLockNotAcquired(t *testing.T) {
	_, _ = shared.holds(t, "sleep 60", "--note", "nightly", t.Name())
	for _, c := range []struct {
		flags []string
		want  int
	}{
		{[]string{"-n"}, 75},
		{[]string{"-w", "0"}, 75},
		{[]string{"-n", "-E", "9"}, 9},
		{[]string{"-n", "-E", "0"}, 0},
		{[]string{"-w", "0.2"}, 75},
	} {
		_, messages, code := shared.coord(t, append(append([]string{"run"}, c.flags...), t.Name(), "true")...)
		require.Equal(t, c.want, code, "%v: %s", c.flags, messages)
		require.Contains(t, messages, "held by", "%v", c.flags)
	}
	start := time.Now()
	_, messages, code := shared.coord(t, "run", "-w", "2500ms", t.Name(), "true")
	require.Equal(t, 75, code)
	require.GreaterOrEqual(t, time.Since(start), 2500*time.Millisecond)
	require.Contains(t, messages, `"nightly"`, "the wait is spoken of")
}

func TestSignalEndsTheWaitAndGivesThePlaceBack(t *testing.T) {
	holder, _ := shared.holds(t, "while [ ! -e go ]; do sleep 0.02; done", t.Name())
	waiter := shared.start(t, t.TempDir(), "", "run", t.Name(), "true")
	queue := func(n int) func() bool {
		return func() bool {
			out, _, _ := shared.coord(t, "lock", "describe", t.Name())
			return strings.Count(out, "\n") == 2+n
		}
	}
	eventually(t, queue(1))
	signal(t, waiter.Process.Pid, syscall.SIGINT)
	require.Equal(t, 128+int(syscall.SIGINT), waiter.code())
	require.True(t, queue(0)(), "its place is given back")
	signal(t, holder.Process.Pid, syscall.SIGTERM)
	holder.code()
}

func TestUnreachableStore(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := "http://" + l.Addr().String()
	require.NoError(t, l.Close())
	for name, endpoint := range map[string]string{"nobody listens": nobody, "nobody answers": blackHole(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := ownHome(t)
			dir := t.TempDir()
			start := time.Now()
			p := h.start(t, dir, "", "--endpoints", endpoint, "run", "l", "touch", "ran")
			require.Equal(t, 69, p.code(), p.err.String())
			require.Less(t, time.Since(start), 10*time.Second)
			require.NoFileExists(t, filepath.Join(dir, "ran"))
			files, err := os.ReadDir(filepath.Join(h.dir, "state"))
			require.NoError(t, err)
			require.Empty(t, files, "it fell back to the local store")
			require.Equal(t, 1, strings.Count(p.err.String(), "\n"), "one line: %s", p.err.String())
		})
	}
}

// longTTL is for tests in which a child must be dead before the lease is over: it is killed a twentieth before that, which is to be more
// than this process can be late in seeing it.
const longTTL = 10 * time.Second

func TestLostLockEndsTheChild(t *testing.T) {
	t.Run("broken", func(t *testing.T) {
		p, dir := shared.holds(t, "sleep 60", t.Name())
		next := shared.start(t, t.TempDir(), "", "run", t.Name(), "echo", "next")
		_, messages, code := shared.coord(t, "lock", "break", "--yes", t.Name())
		require.Zero(t, code, messages)
		require.Equal(t, 76, p.code(), p.err.String())
		require.False(t, alive(childPid(t, dir)))
		require.Zero(t, next.code(), "the successor: %s", next.err.String())
		require.Equal(t, "next\n", next.out.String())
	})
	t.Run("lease revoked", func(t *testing.T) {
		p, dir := shared.holds(t, `echo $COORD_LOCK_LEASE >lease.new; mv lease.new lease; sleep 60`, t.Name())
		file := filepath.Join(dir, "lease")
		eventually(t, func() bool { _, err := os.Stat(file); return err == nil })
		lease, err := os.ReadFile(file)
		require.NoError(t, err)
		_, messages, code := shared.coord(t, "lease", "release", "--yes", strings.TrimSpace(string(lease)))
		require.Zero(t, code, messages)
		require.Equal(t, 76, p.code(), p.err.String())
		require.False(t, alive(childPid(t, dir)))
	})
	t.Run("store out of reach", func(t *testing.T) {
		t.Parallel()
		h := ownHome(t)
		// It takes no notice of TERM, so it has to be killed, and still before the lease could be over.
		p, dir := h.holds(t, `trap "" TERM; while :; do sleep 0.05; done`, "--ttl", longTTL.String(), "l")
		server := h.server(t)
		stopped := time.Now()
		signal(t, server, syscall.SIGSTOP)
		eventually(t, func() bool { return !alive(childPid(t, dir)) })
		require.Less(t, time.Since(stopped), longTTL, "the child outlived the lease")
		require.Equal(t, 76, p.code(), p.err.String())
		signal(t, server, syscall.SIGCONT)
	})
	t.Run("coord stopped past its lease", func(t *testing.T) {
		t.Parallel()
		h := ownHome(t)
		p, dir := h.holds(t, "sleep 60", "--ttl", "2s", "l")
		signal(t, p.Process.Pid, syscall.SIGSTOP)
		_, messages, code := h.coord(t, "run", "l", "true")
		require.Zero(t, code, "the next one gets it: %s", messages)
		signal(t, p.Process.Pid, syscall.SIGCONT)
		require.Equal(t, 76, p.code(), p.err.String())
		require.False(t, alive(childPid(t, dir)))
	})
	t.Run("server killed and started again", func(t *testing.T) {
		t.Parallel()
		h := ownHome(t)
		p, dir := h.holds(t, "while [ ! -e go ]; do sleep 0.02; done; exit 3", "l")
		signal(t, h.server(t), syscall.SIGKILL)
		_, _, code := h.coord(t, "run", "-n", "l", "true")
		require.Equal(t, 75, code, "the holder outlives the server")
		require.NoError(t, os.WriteFile(filepath.Join(dir, "go"), nil, 0o600))
		require.Equal(t, 3, p.code(), p.err.String())
	})
}

func TestChildDiesWithCoord(t *testing.T) {
	p, dir := shared.holds(t, "exec sleep 60", "--ttl", "2s", t.Name())
	signal(t, p.Process.Pid, syscall.SIGKILL)
	_ = p.Wait()
	eventually(t, func() bool { return !alive(childPid(t, dir)) })
}
