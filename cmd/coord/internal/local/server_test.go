//go:build linux && !nolocal

package local_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/cmd/coord/internal/local"
)

func TestTheServerIsDetached(t *testing.T) {
	_, run := home(t)
	t.Setenv("COORD_LOCK_TOKEN", "1")
	t.Setenv("COORD_PASSWORD", "secret")
	t.Setenv("ETCD_LOCK_KEY", "k")
	t.Setenv("ETCDCTL_USER", "root:secret")
	t.Setenv("KEPT", "yes")
	st, _ := open(t, nil)
	_, pid := watchServer(t, st)
	proc := fmt.Sprintf("/proc/%d/", pid)

	env, err := os.ReadFile(proc + "environ")
	require.NoError(t, err)
	require.NotContains(t, string(env), "COORD_")
	require.NotContains(t, string(env), "ETCD")
	require.Contains(t, string(env), "KEPT=yes")

	cwd, err := os.Readlink(proc + "cwd")
	require.NoError(t, err)
	require.Equal(t, filepath.Join(run, "coord"), cwd, "working directory")
	for fd := range 3 {
		to, err := os.Readlink(fmt.Sprint(proc, "fd/", fd))
		require.NoError(t, err)
		require.Equal(t, "/dev/null", to, "descriptor %d", fd)
	}
	sid, err := unix.Getsid(pid)
	require.NoError(t, err)
	require.Equal(t, pid, sid, "process session")
	status, err := os.ReadFile(proc + "status")
	require.NoError(t, err)
	require.Regexp(t, `(?m)^Umask:\s0077$`, string(status))
}

// As in: exec 9>f; flock 9; coord run …
func TestTheServerKeepsNoFlockOrPipeOfItsStarter(t *testing.T) {
	home(t)
	file, err := os.Create(filepath.Join(t.TempDir(), "lock"))
	require.NoError(t, err)
	require.NoError(t, unix.Flock(int(file.Fd()), unix.LOCK_EX))
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()

	cmd := command(t, "k")
	cmd.ExtraFiles = []*os.File{file, w, file, w}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, w.Close())
	require.NoError(t, file.Close())
	st, _ := open(t, nil)
	require.False(t, st.Started(), "the server goes on")

	again, err := os.Open(file.Name())
	require.NoError(t, err)
	defer again.Close()
	require.NoError(t, unix.Flock(int(again.Fd()), unix.LOCK_EX|unix.LOCK_NB), "the flock is free")
	require.NoError(t, r.SetReadDeadline(time.Now().Add(10*time.Second)))
	n, err := r.Read(make([]byte, 1))
	require.Zero(t, n)
	require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "the pipe's writing end is closed")
}

// It leaves within a second; how soon it is seen to have left is the machine's affair.
func TestTheServerLooksOftenWhetherItsFilesAreItsOwn(t *testing.T) {
	require.LessOrEqual(t, local.OwnInterval, time.Second/4)
}

func TestTheServerLeavesWhenItsFilesAreNoLongerItsOwn(t *testing.T) {
	for name, take := range map[string]func(t *testing.T, dir, socket string){
		"state directory removed": func(t *testing.T, dir, _ string) { require.NoError(t, os.RemoveAll(dir)) },
		"data removed":            func(t *testing.T, dir, _ string) { require.NoError(t, os.RemoveAll(dir+"/etcd")) },
		"data replaced": func(t *testing.T, dir, _ string) {
			require.NoError(t, os.Rename(dir+"/etcd", dir+"/was"))
			require.NoError(t, os.Mkdir(dir+"/etcd", 0o700))
		},
		"flock removed":      func(t *testing.T, dir, _ string) { require.NoError(t, os.Remove(dir+"/server")) },
		"pointer removed":    func(t *testing.T, dir, _ string) { require.NoError(t, os.Remove(dir+"/socket")) },
		"socket removed":     func(t *testing.T, _, socket string) { require.NoError(t, os.Remove(socket)) },
		"sockets' directory": func(t *testing.T, _, socket string) { require.NoError(t, os.RemoveAll(filepath.Dir(socket))) },
	} {
		t.Run(name, func(t *testing.T) {
			state, _ := home(t)
			st, c := open(t, nil)
			put(t, c, "k")
			conn, _ := watchServer(t, st)
			take(t, dirOf(t, state), path(st))
			ended(t, conn)
			put(t, c, "k2") // the same client goes on with another server
		})
	}
}

// What is at the socket's path belongs to another server by then.
func TestALeavingServerRemovesNobodyElsesSocket(t *testing.T) {
	home(t)
	st, c := open(t, nil)
	require.NoError(t, c.Close())
	conn, _ := watchServer(t, st)
	path := path(st)
	require.NoError(t, os.Rename(path, path+".was"))
	other, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer other.Close()
	ended(t, conn)
	require.FileExists(t, path)
}

func TestTheServerStaysWhileALeaseLives(t *testing.T) {
	home(t)
	const idle, ttl = 50 * time.Millisecond, 2
	st, c := open(t, &local.Options{Idle: idle})
	granted := time.Now() // or later
	_, err := c.Grant(t.Context(), ttl)
	require.NoError(t, err)
	conn, _ := watchServer(t, st)
	require.NoError(t, c.Close())
	require.NoError(t, st.Close())
	ended(t, conn)
	require.Greater(t, time.Since(granted), ttl*time.Second-100*time.Millisecond, "the lease outlived its holder")
	require.NoFileExists(t, path(st))
}

func TestTheServerStaysWhileSomebodySharesTheStore(t *testing.T) {
	home(t)
	const idle = 20 * time.Millisecond
	st, _ := open(t, &local.Options{Idle: idle})
	conn, _ := watchServer(t, st)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*idle)))
	_, err := io.Copy(io.Discard, conn)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "it is still there")
}

func TestTheServerStopsInGoodOrderWhenAsked(t *testing.T) {
	state, _ := home(t)
	st, c := open(t, nil)
	put(t, c, "k")
	require.NoError(t, c.Close())
	conn, pid := watchServer(t, st)
	require.NoError(t, unix.Kill(pid, unix.SIGTERM))
	ended(t, conn)
	require.Eventually(t, func() bool { return pointerOf(state) == "" }, 10*time.Second, time.Millisecond)
	log, err := os.ReadFile(filepath.Join(dirOf(t, state), "log"))
	require.NoError(t, err)
	require.Empty(t, string(log))
}

func TestALongLogIsPutAside(t *testing.T) {
	state, _ := home(t)
	st, c := open(t, nil)
	require.NoError(t, c.Close())
	conn, pid := watchServer(t, st)
	kill(t, conn, pid)
	log := filepath.Join(dirOf(t, state), "log")
	require.NoError(t, os.WriteFile(log, bytes.Repeat([]byte("x\n"), 1<<20), 0o600))
	open(t, nil)
	require.FileExists(t, log+".old")
	info, err := os.Stat(log)
	require.NoError(t, err)
	require.Zero(t, info.Size())
}

func TestNobodyStartsTheServerByHand(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	for _, args := range [][]string{nil, {"/tmp", "/tmp/s", "1m"}, {"a", "b", "c"}} {
		out, err := exec.CommandContext(t.Context(), exe, append([]string{local.ServeCommand}, args...)...).CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
		require.Equal(t, 64, exit.ExitCode(), "%s", out)
	}
}
