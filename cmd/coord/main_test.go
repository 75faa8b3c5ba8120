//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// binary is the command, built once: go run would hide exit codes.
var binary string

// shared is the local store of the tests that disturb none.
var shared home

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "coord")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) // and the server, whose directory it is, leaves by itself
	binary = filepath.Join(dir, "coord")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s", out)
		return 1
	}
	shared = newHome(filepath.Join(dir, "shared"))
	return m.Run()
}

// home is a user's directories, and so a local store of its own.
type home struct{ dir string }

func newHome(dir string) home {
	for _, d := range []string{"state", "run"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			panic(err)
		}
	}
	return home{dir}
}

// ownHome is a local store for one test.
func ownHome(t *testing.T) home {
	t.Helper()
	dir, err := os.MkdirTemp("", "coord")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return newHome(dir)
}

// env is the environment in which the command uses this home, and nothing of who runs the tests.
func (h home) env(more ...string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + h.dir,
		"XDG_STATE_HOME=" + filepath.Join(h.dir, "state"), "XDG_RUNTIME_DIR=" + filepath.Join(h.dir, "run"),
	}
	return append(env, more...)
}

// process is a command under way.
type process struct {
	*exec.Cmd
	t        *testing.T
	out, err bytes.Buffer
}

// start starts coord in a directory of the test's.
func (h home) start(t *testing.T, dir, stdin string, args ...string) *process {
	t.Helper()
	return launch(t, h.env(), dir, stdin, args...)
}

// startEnv is start with one more setting in the environment.
func (h home) startEnv(t *testing.T, dir, env string, args ...string) *process {
	t.Helper()
	return launch(t, h.env(env), dir, "", args...)
}

func launch(t *testing.T, env []string, dir, stdin string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(binary, args...), t: t}
	p.Env, p.Dir = env, dir
	p.Stdin, p.Stdout, p.Stderr = strings.NewReader(stdin), &p.out, &p.err
	require.NoError(t, p.Start())
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// code waits for the end and returns the exit code.
func (p *process) code() int {
	p.t.Helper()
	err := p.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return exit.ExitCode()
	}
	require.NoError(p.t, err, "coord ended in another way than by exiting: %s", p.err.String())
	return -1
}

// coord runs coord to its end.
func (h home) coord(t *testing.T, args ...string) (out, messages string, code int) {
	t.Helper()
	p := h.start(t, t.TempDir(), "", args...)
	code = p.code()
	return p.out.String(), p.err.String(), code
}

// holds starts a coord that holds the lock, and returns when its child runs: a shell that goes on with script.
func (h home) holds(t *testing.T, script string, args ...string) (*process, string) {
	t.Helper()
	dir := t.TempDir()
	args = append(append([]string{"run"}, args...), "--", "sh", "-c", "echo $$ >pid.new; mv pid.new pid; "+script)
	p := h.start(t, dir, "", args...)
	eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(dir, "pid"))
		return err == nil
	})
	return p, dir
}

// childPid is the process that a coord of holds runs.
func childPid(t *testing.T, dir string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "pid"))
	require.NoError(t, err)
	var pid int
	_, err = fmt.Sscan(string(b), &pid)
	require.NoError(t, err)
	return pid
}

// alive says whether a process runs; one that has ended and was not reaped yet does not.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(state, "Z")
}

// eventually asks again and again: processes have no other way to tell.
func eventually(t *testing.T, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); !cond(); <-tick.C {
		require.True(t, time.Now().Before(deadline), "it never came to be")
	}
}

// server is the pid of the home's local server, as its socket tells.
func (h home) server(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(h.dir, "state", "coord", "*", "socket"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	path, err := os.ReadFile(files[0])
	require.NoError(t, err)
	c, err := net.Dial("unix", strings.TrimSpace(string(path)))
	require.NoError(t, err)
	defer c.Close()
	raw, err := c.(*net.UnixConn).SyscallConn()
	require.NoError(t, err)
	var cred *unix.Ucred
	require.NoError(t, raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }))
	require.NoError(t, err)
	return int(cred.Pid)
}

func signal(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	require.NoError(t, syscall.Kill(pid, s))
}

// blackHole is an endpoint that accepts connections and never answers.
func blackHole(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, c) }()
		}
	}()
	return "http://" + l.Addr().String()
}
