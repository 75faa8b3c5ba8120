//go:build linux

package cluster

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// roleVar names the role that a test binary plays instead of running its tests.
const roleVar = "COORD_TEST_ROLE"

// Role is what a process of its own does with its arguments. It calls ready once it works, which tells the test one line, and returns when ctx
// ends, which is when it is asked to stop, or when the test's process is gone.
type Role func(ctx context.Context, args []string, ready func(line string)) error

// Main is the TestMain of a package whose tests start processes: it plays the role that it was started for, or runs the tests, and
// returns the exit code.
func Main(run func() int, roles map[string]Role) int {
	name := os.Getenv(roleVar)
	if name == "" {
		return run()
	}
	all := maps.Clone(roles)
	if all == nil {
		all = make(map[string]Role)
	}
	all[memberRole] = serve
	if err := play(all[name]); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

func play(role Role) error {
	signal.Ignore(os.Interrupt) // the test's, and with it the end of the input
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	return role(ctx, os.Args[1:], func(line string) { fmt.Println(line) })
}

// Process is a process that plays a role.
type Process struct {
	// Line is what it told when it was ready.
	Line string

	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{} // closed when it has been waited for, after err is written
	err   error
}

// Run starts a process, to the end of the test at most, and waits until it is ready. What it writes to its standard error is the test's.
func Run(t testing.TB, role string, args ...string) *Process {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	p := &Process{cmd: exec.Command(self, args...), ended: make(chan struct{})}
	p.cmd.Env = append(slices.Clone(os.Environ()), roleVar+"="+role)
	p.cmd.Stderr = os.Stderr
	// In a group of its own a stopped process is woken and hung up by the kernel when the test's process is gone.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start(), "start %s", role)
	t.Cleanup(p.Kill)
	lines := bufio.NewReader(stdout)
	line, err := lines.ReadString('\n')
	go func() {
		_, _ = io.Copy(io.Discard, lines)
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	require.NoError(t, err, "%s did not get ready", role)
	p.Line = strings.TrimSpace(line)
	return p
}

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Kill ends the process with SIGKILL, if it has not ended, and returns when it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// Stop asks the process to end, and returns what it ended with.
func (p *Process) Stop() error {
	_ = p.stdin.Close()
	select {
	case <-p.ended:
		return p.err
	case <-time.After(30 * time.Second):
		p.Kill()
		return errors.New("it did not end when it was asked to, and was killed")
	}
}

// Pause stops the process, and returns when it stands: nothing of it runs until Resume.
func (p *Process) Pause(t testing.TB) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGSTOP), "pause")
	require.Eventually(t, func() bool { return p.stands() }, 10*time.Second, time.Millisecond, "the process does not stand")
}

// Resume lets a paused process go on.
func (p *Process) Resume(t testing.TB) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGCONT), "resume")
	require.Eventually(t, func() bool { return !p.stands() }, 10*time.Second, time.Millisecond, "the process stands still")
}

// stands reports whether all threads of the process are stopped.
func (p *Process) stands() bool {
	dir := fmt.Sprintf("/proc/%d/task", p.PID())
	threads, err := os.ReadDir(dir)
	if err != nil {
		return false // it has ended
	}
	for _, thread := range threads {
		b, err := os.ReadFile(dir + "/" + thread.Name() + "/stat")
		if err != nil {
			continue // a thread that has ended
		}
		_, after, _ := strings.Cut(string(b), ") ")
		if !strings.HasPrefix(after, "T") {
			return false
		}
	}
	return true
}
