//go:build unix

package programs

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Soon is how long a test waits for what takes seconds on an idle machine.
const Soon = 60 * time.Second

// Process is a program under way. What it prints, on both ways, is read line by line.
type Process struct {
	cmd   *exec.Cmd
	lines chan string // closed at the end of its output
	said  []string
}

// Start starts a program, which is killed at the end of the test if it still runs.
func Start(t testing.TB, env []string, name string, args ...string) *Process {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	p := &Process{cmd: exec.Command(name, args...), lines: make(chan string, 10_000)}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, w, w
	require.NoError(t, p.cmd.Start(), "start %s", name)
	require.NoError(t, w.Close())
	go p.read(r)
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

func (p *Process) read(r io.ReadCloser) {
	defer close(p.lines)
	defer r.Close()
	for s := bufio.NewScanner(r); s.Scan(); {
		p.lines <- s.Text()
	}
}

// Until returns when a line with the text was printed.
func (p *Process) Until(t testing.TB, text string) {
	t.Helper()
	late := time.After(Soon)
	for {
		select {
		case line, more := <-p.lines:
			require.True(t, more, "it has ended, and not said %q: %s", text, p.Said())
			p.said = append(p.said, line)
			if strings.Contains(line, text) {
				return
			}
		case <-late:
			t.Fatalf("it does not say %q: %s", text, p.Said())
		}
	}
}

// Signal sends it a signal.
func (p *Process) Signal(t testing.TB, s os.Signal) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(s))
}

// Ends waits for the end, and returns the exit code, 128+n if signal n has ended it.
func (p *Process) Ends(t testing.TB) int {
	t.Helper()
	late := time.AfterFunc(Soon, func() { _ = p.cmd.Process.Kill() })
	defer late.Stop()
	for line := range p.lines {
		p.said = append(p.said, line)
	}
	err := p.cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		require.NoError(t, err)
	case exit.Sys().(syscall.WaitStatus).Signaled():
		return 128 + int(exit.Sys().(syscall.WaitStatus).Signal())
	}
	return exit.ExitCode()
}

// Said is what it has printed so far.
func (p *Process) Said() string { return strings.Join(p.said, "\n") }

// Last returns the last lines of what it has printed.
func (p *Process) Last(n int) []string { return p.said[max(0, len(p.said)-n):] }
