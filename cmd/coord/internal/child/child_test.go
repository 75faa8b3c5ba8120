//go:build linux

package child_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/cmd/coord/internal/child"
)

// helperWord makes the test binary act as a command that runs a child on its terminal.
const helperWord = "__on-a-terminal"

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == helperWord {
		os.Exit(onTerminal())
	}
	os.Exit(m.Run())
}

// hold is a hold that a test ends.
type hold struct {
	once   sync.Once
	done   chan struct{}
	broken bool
	end    time.Time // when it is valid to
}

func newHold() *hold { return &hold{done: make(chan struct{}), end: time.Now().Add(time.Hour)} }

func (h *hold) lose() { h.once.Do(func() { close(h.done) }) }

func (h *hold) Done() <-chan struct{} { return h.done }

func (h *hold) Err() error {
	select {
	case <-h.done:
		return errors.New("lost")
	default:
		return nil
	}
}

func (h *hold) ValidFor() time.Duration {
	if h.broken {
		return 0
	}
	return time.Until(h.end)
}

func (h *hold) Broken() bool { return h.broken }

// start starts a shell that does setup, says on a file that it has, and goes on with script.
func start(t *testing.T, setup, script string) (*child.Child, string) {
	t.Helper()
	up := filepath.Join(t.TempDir(), "up")
	c, err := child.Start(child.Spec{Path: "/bin/sh", Args: []string{"sh", "-c", setup + "\ntouch $0\n" + script, up}, Env: os.Environ()})
	require.NoError(t, err)
	t.Cleanup(func() { c.Signal(unix.SIGKILL); <-c.Done() })
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Second); ; <-tick.C {
		if _, err := os.Stat(up); err == nil {
			return c, up
		}
		require.True(t, time.Now().Before(deadline), "the child never came up")
	}
}

func TestChildThatEndsUnderItsHoldIsNotLost(t *testing.T) {
	c, _ := start(t, "", "exit 3")
	require.False(t, child.Supervise(c, newHold(), nil, child.Limits{}))
	require.Equal(t, 3, c.Code())
}

func TestEndOfTheHoldIsTermForTheChild(t *testing.T) {
	c, _ := start(t, `trap "exit 4" TERM`, `while :; do sleep 0.01; done`)
	h := newHold()
	h.lose()
	require.True(t, child.Supervise(c, h, nil, child.Limits{}))
	require.Equal(t, 4, c.Code())
}

func TestChildThatTakesNoNoticeIsKilledBeforeTheLeaseIsOver(t *testing.T) {
	c, _ := start(t, `trap "" TERM`, `while :; do sleep 0.01; done`)
	h := newHold()
	h.end = time.Now().Add(4 * time.Second)
	h.lose()
	require.True(t, child.Supervise(c, h, nil, child.Limits{Grace: time.Hour, Last: 3500 * time.Millisecond}))
	require.Equal(t, 128+9, c.Code())
	require.Positive(t, h.ValidFor(), "the child was dead only after the lease")
}

func TestChildOfABrokenHoldHasTheGrace(t *testing.T) {
	c, _ := start(t, `trap "" TERM`, `while :; do sleep 0.01; done`)
	h := newHold()
	h.broken = true
	h.lose()
	began := time.Now()
	require.True(t, child.Supervise(c, h, nil, child.Limits{Grace: 300 * time.Millisecond, Last: time.Hour}))
	require.Equal(t, 128+9, c.Code())
	require.GreaterOrEqual(t, time.Since(began), 300*time.Millisecond)
}

func TestWholeGroupIsKilledAfterALoss(t *testing.T) {
	// The child goes at TERM, and leaves somebody behind who does not.
	c, up := start(t, `sh -c 'trap "" TERM; echo $$ >$0.pid; while :; do sleep 0.01; done' $0 &
		while [ ! -s $0.pid ]; do sleep 0.01; done`, "wait")
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	b, err := os.ReadFile(up + ".pid")
	require.NoError(t, err)
	h := newHold()
	h.lose()
	require.True(t, child.Supervise(c, h, nil, child.Limits{}))
	var pid int
	_, err = fmt.Sscan(string(b), &pid)
	require.NoError(t, err)
	for deadline := time.Now().Add(10 * time.Second); running(pid); <-tick.C {
		require.True(t, time.Now().Before(deadline), "process %d of the group lives on", pid)
	}
}

// running says whether a process is there and no zombie.
func running(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(state, "Z")
}

func TestLookTellsWhatAShellWould(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, code := range map[string]int{
		"no-such-program": child.NotFound, "/no/such/path": child.NotFound, file: child.NotExecutable, t.TempDir(): child.NotExecutable,
	} {
		_, err := child.Look(name)
		var look *child.LookError
		require.ErrorAs(t, err, &look, name)
		require.Equal(t, code, look.Code, name)
	}
	path, err := child.Look("sh")
	require.NoError(t, err)
	require.True(t, filepath.IsAbs(path))
}

// onTerminal runs a child that reads a line, and then reads one itself. A second argument sets the child aside, with that to do.
func onTerminal() int {
	spec := child.Spec{Path: "/bin/sh", Args: []string{"sh", "-c", "read x; echo child $x"}, Env: os.Environ()}
	if len(os.Args) > 2 {
		spec.Args[2], spec.Aside = os.Args[2], true
	}
	c, err := child.Start(spec)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("started")
	child.Supervise(c, newHold(), nil, child.Limits{})
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	fmt.Printf("parent %s%v\n", line, err)
	return c.Code()
}

// terminal starts the helper on a new terminal as the leader of its session, as a login does.
func terminal(t *testing.T, args ...string) (master *os.File, cmd *exec.Cmd) {
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
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd = exec.Command(exe, append([]string{helperWord}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return master, cmd
}

// expect reads from the terminal until text comes.
func expect(t *testing.T, r *bufio.Reader, text string) {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		require.NoError(t, err, "waiting for %q", text)
		if strings.Contains(line, text) {
			return
		}
	}
}

func TestTerminalIsTheChildsAndComesBack(t *testing.T) {
	master, cmd := terminal(t)
	out := bufio.NewReader(master)
	expect(t, out, "started")
	_, err := master.WriteString("one\n")
	require.NoError(t, err)
	expect(t, out, "child one")
	_, err = master.WriteString("two\n")
	require.NoError(t, err)
	expect(t, out, "parent two")
	require.NoError(t, cmd.Wait())
}

func TestProgramAsideReadsNothingAndLeavesTheTerminalAlone(t *testing.T) {
	// The fifth and the eighth field are its group and the one that has the terminal.
	master, cmd := terminal(t, `read x; set -- $(cat /proc/$$/stat); [ $5 = $8 ] && echo child with terminal || echo child without`)
	out := bufio.NewReader(master)
	expect(t, out, "child without")
	_, err := master.WriteString("two\n")
	require.NoError(t, err)
	expect(t, out, "parent two")
	require.NoError(t, cmd.Wait())
}

func TestEndIsTold(t *testing.T) {
	for script, want := range map[string]unix.Signal{"exit 143": 0, "kill -TERM $$": unix.SIGTERM} {
		c, _ := start(t, "", script)
		<-c.Done()
		require.Equal(t, 143, c.Code())
		require.Equal(t, want, c.EndedBy(), script)
	}
}

func TestSuperviseTellsOfTheLossOnceAndOfSignals(t *testing.T) {
	c, _ := start(t, `trap "exit 4" TERM; trap "" USR1`, `while :; do sleep 0.01; done`)
	h := newHold()
	signals := make(chan os.Signal, 1)
	signals <- unix.SIGUSR1
	lost := 0
	require.True(t, child.Supervise(c, h, signals, child.Limits{
		OnLost:   func() { lost++ },
		OnSignal: func(s unix.Signal) { require.Equal(t, unix.SIGUSR1, s); h.lose() },
	}))
	require.Equal(t, 1, lost)
}

func TestSuspendStopsTheWholeJobAndContinueGoesOn(t *testing.T) {
	master, cmd := terminal(t)
	out := bufio.NewReader(master)
	expect(t, out, "started")
	_, err := master.Write([]byte{0x1a}) // ^Z
	require.NoError(t, err)
	var status unix.WaitStatus
	_, err = unix.Wait4(cmd.Process.Pid, &status, unix.WUNTRACED, nil)
	require.NoError(t, err)
	require.True(t, status.Stopped(), "the command goes on while its child is suspended")
	require.NoError(t, unix.Kill(cmd.Process.Pid, unix.SIGCONT))
	_, err = master.WriteString("one\n")
	require.NoError(t, err)
	expect(t, out, "child one")
	_, err = master.WriteString("two\n")
	require.NoError(t, err)
	expect(t, out, "parent two")
	require.NoError(t, cmd.Wait())
}
