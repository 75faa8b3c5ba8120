//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const leftScreen = "\x1b[m\x1b[?7h\x1b[?25h\x1b[?1049l"

// modes are the terminal's settings.
func (tt *terminal) modes(t *testing.T) unix.Termios {
	t.Helper()
	m, err := unix.IoctlGetTermios(int(tt.master.Fd()), unix.TCGETS)
	require.NoError(t, err)
	return *m
}

func (tt *terminal) types(t *testing.T, keys string) {
	t.Helper()
	_, err := tt.master.WriteString(keys)
	require.NoError(t, err)
}

// shows waits until the terminal was sent this.
func (tt *terminal) shows(t *testing.T, text string) {
	t.Helper()
	eventually(t, func() bool { return strings.Contains(tt.text(), text) })
}

func TestTopLeavesTheTerminalAsItWas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys   string
		signal syscall.Signal
		code   int
	}{
		"q": {keys: "q"}, "^C": {keys: "\x03"}, "INT": {signal: syscall.SIGINT}, "TERM": {signal: syscall.SIGTERM, code: 143},
		"HUP": {signal: syscall.SIGHUP, code: 129}, "QUIT": {signal: syscall.SIGQUIT, code: 131},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// The program waits for a line before it becomes coord, so that what the terminal was is known.
			tt := shared.terminalOf(t, exec.Command("sh", "-c", `echo ready; read x; exec "$0" top`, binary), "TERM=xterm")
			tt.shows(t, "ready")
			before := tt.modes(t)
			tt.types(t, "\n")
			tt.shows(t, "Locks")
			require.NotEqual(t, before, tt.modes(t))
			if c.keys != "" {
				tt.types(t, c.keys)
			} else {
				signal(t, tt.cmd.Process.Pid, c.signal)
			}
			_ = tt.cmd.Wait()
			require.Equal(t, c.code, tt.cmd.ProcessState.ExitCode())
			require.Equal(t, before, tt.modes(t))
			eventually(t, func() bool { return strings.HasSuffix(tt.text(), leftScreen) })
		})
	}
}

// stopping is a job of a shell, and the keys that stop it; without, it is sent TSTP.
type stopping struct{ job, keys string }

const (
	topAlone     = `sh -c 'echo $$ >pid.new; mv pid.new pid; exec "$0" top' "$0"`
	topWithinRun = `"$0" run -q stop-top-$$ "$0" top`
)

func TestTopStopsAndGoesOn(t *testing.T) {
	t.Parallel()
	stopsAndGoesOn(t, binary, "", map[string]stopping{
		"^Z": {topAlone, "\x1a"}, "TSTP": {topAlone, ""}, "^Z within coord run": {topWithinRun, "\x1a"},
	})
}

func stopsAndGoesOn(t *testing.T, path, env string, cases map[string]stopping) {
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// A shell with job control, whose next command runs when the job has stopped.
			script := "set -m; " + c.job + "; stty -a >stopped; fg; stty -a >ended"
			tt := shared.terminalOf(t, exec.Command("sh", "-c", script, path), "TERM=xterm", env)
			dir := tt.cmd.Dir
			tt.shows(t, "Locks")
			if c.keys != "" {
				tt.types(t, c.keys)
			} else {
				signal(t, childPid(t, dir), syscall.SIGTSTP)
			}
			eventually(t, func() bool { return strings.Count(tt.text(), "Locks") >= 2 })
			stopped, err := os.ReadFile(filepath.Join(dir, "stopped"))
			require.NoError(t, err)
			require.Contains(t, string(stopped), " icanon", "the shell has its terminal")
			require.Contains(t, tt.text(), leftScreen)
			tt.types(t, "q")
			require.NoError(t, tt.cmd.Wait())
			ended, err := os.ReadFile(filepath.Join(dir, "ended"))
			require.NoError(t, err)
			require.Contains(t, string(ended), " icanon")
		})
	}
}

func TestDebugLeavesTheScreenAlone(t *testing.T) {
	t.Parallel()
	tt := shared.onTerminal(t, "xterm", "top", "--debug")
	tt.shows(t, "Locks")
	tt.types(t, "q")
	require.NoError(t, tt.cmd.Wait())
	tt.shows(t, "msg=end code=0")
	before, rest, ok := strings.Cut(tt.text(), "\x1b[?1049h")
	require.True(t, ok)
	screen, _, ok := strings.Cut(rest, leftScreen)
	require.True(t, ok)
	require.Contains(t, before, "level=DEBUG")
	require.NotContains(t, screen, "DEBUG")
}

func TestTopIsRedrawnWhenTheTerminalChangesItsSize(t *testing.T) {
	t.Parallel()
	tt := shared.onTerminal(t, "xterm", "top")
	tt.shows(t, "Locks")
	require.NoError(t, unix.IoctlSetWinsize(int(tt.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 30, Col: 60}))
	tt.shows(t, "\x1b[30;1H\x1b[K")
	tt.types(t, "q")
	require.NoError(t, tt.cmd.Wait())
}

func TestTopWithoutColours(t *testing.T) {
	t.Parallel()
	_, _ = shared.holds(t, "exec sleep 60", t.Name())
	tt := shared.terminalOf(t, exec.Command(binary, "top"), "TERM=xterm", "NO_COLOR=1", "LANG=C")
	eventually(t, func() bool { return strings.Contains(tt.text(), "### ") || strings.Contains(tt.text(), "####") })
	require.NotRegexp(t, `\x1b\[([0-9]+;)*[34][0-9]m`, tt.text())
	tt.types(t, "q")
	require.NoError(t, tt.cmd.Wait())
}

func TestTopOnADumbTerminalPrintsWhatIsThere(t *testing.T) {
	t.Parallel()
	_, _ = shared.holds(t, "exec sleep 60", t.Name())
	tt := shared.onTerminal(t, "dumb", "top")
	require.NoError(t, tt.cmd.Wait())
	tt.shows(t, "LOCK")
	require.NotContains(t, tt.text(), "\x1b")
}

func TestTopWithoutAStoreSaysSoAndDrawsNothing(t *testing.T) {
	t.Parallel()
	tt := shared.terminalOf(t, exec.Command(binary, "--endpoints", blackHole(t), "top"), "TERM=xterm")
	_ = tt.cmd.Wait()
	require.Equal(t, 69, tt.cmd.ProcessState.ExitCode())
	tt.shows(t, "coord: ")
	require.NotContains(t, tt.text(), "\x1b")
}
