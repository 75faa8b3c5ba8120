//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// terminal is a terminal with a coord on it, alone in its session as the first command of a login.
type terminal struct {
	master *os.File
	cmd    *exec.Cmd

	mu    sync.Mutex
	shown bytes.Buffer
}

func (h home) onTerminal(t *testing.T, term string, args ...string) *terminal {
	t.Helper()
	return h.terminalOf(t, exec.Command(binary, args...), "TERM="+term)
}

// terminalOf is a terminal with any command on it.
func (h home) terminalOf(t *testing.T, cmd *exec.Cmd, env ...string) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = master.Close() })
	fd := int(master.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	defer slave.Close()
	tt := &terminal{master: master, cmd: cmd}
	tt.cmd.Env, tt.cmd.Dir = h.env(env...), t.TempDir()
	tt.cmd.Stdin, tt.cmd.Stdout, tt.cmd.Stderr = slave, slave, slave
	tt.cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, tt.cmd.Start())
	t.Cleanup(func() { _ = tt.cmd.Process.Kill() })
	go tt.read()
	return tt
}

func (tt *terminal) read() {
	buf := make([]byte, 4096)
	for {
		n, err := tt.master.Read(buf)
		tt.mu.Lock()
		tt.shown.Write(buf[:n])
		tt.mu.Unlock()
		if err != nil { // the last one who had it open has gone
			return
		}
	}
}

func (tt *terminal) text() string {
	tt.mu.Lock()
	defer tt.mu.Unlock()
	return tt.shown.String()
}

func TestOnATerminalTheWaitIsOneLineThatGoes(t *testing.T) {
	t.Parallel()
	holder, dir := shared.holds(t, "until [ -e go ]; do sleep 0.02; done", "--note", "nightly", t.Name())
	tt := shared.onTerminal(t, "xterm", "run", t.Name(), "echo", "mine")
	line := fmt.Sprintf("\r\x1b[?7lcoord: waiting for lock %q: place 1 in the queue, held by ", t.Name())
	eventually(t, func() bool { return strings.Count(tt.text(), line) > 1 })
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go"), nil, 0o600))
	require.Zero(t, holder.code())
	require.NoError(t, tt.cmd.Wait())
	eventually(t, func() bool { return strings.Contains(tt.text(), "mine") })
	_, after, _ := strings.Cut(tt.text(), line)
	require.NotContains(t, after[:strings.Index(after, "mine")], "\n", "it is redrawn, not repeated")
	require.Contains(t, after, "\x1b[?7h\r\x1b[Kmine", "it is cleared before the command speaks")
}

func TestInterruptOnATerminalClearsTheWait(t *testing.T) {
	t.Parallel()
	_, _ = shared.holds(t, "exec sleep 60", t.Name())
	tt := shared.onTerminal(t, "xterm", "run", t.Name(), "true")
	eventually(t, func() bool { return strings.Contains(tt.text(), "waiting for lock") })
	_, err := tt.master.Write([]byte{3}) // ^C
	require.NoError(t, err)
	err = tt.cmd.Wait()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 130, exit.ExitCode())
	eventually(t, func() bool { return strings.HasSuffix(tt.text(), "\r\x1b[K") })
}

func TestOnADumbTerminalTheWaitIsALine(t *testing.T) {
	t.Parallel()
	_, _ = shared.holds(t, "exec sleep 60", t.Name())
	tt := shared.onTerminal(t, "dumb", "run", "-w", "1.5", t.Name(), "true")
	_ = tt.cmd.Wait()
	eventually(t, func() bool { return strings.Contains(tt.text(), "not acquired") })
	require.NotContains(t, tt.text(), "\x1b")
	require.Equal(t, 1, strings.Count(tt.text(), "waiting for lock"))
}
