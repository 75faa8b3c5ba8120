//go:build unix

// Package child runs one program for the command and sees it through: in a process group of its own, with the signals and the terminal
// that the command was given, to an exit code as a shell would tell it.
package child

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// The exit codes of a program that could not be run, as env(1) and timeout(1) have them.
const (
	NotExecutable = 126
	NotFound      = 127
)

// LookError says that a program cannot be run, with its exit code.
type LookError struct {
	Name string
	Code int // NotExecutable or NotFound
	Err  error
}

func (e *LookError) Error() string { return fmt.Sprintf("%s: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *LookError) Unwrap() error { return e.Err }

// Look finds the program that name means, as a shell would, or returns a *LookError.
func Look(name string) (string, error) {
	path, err := exec.LookPath(name)
	switch {
	case err == nil, errors.Is(err, exec.ErrDot):
		return path, nil // a program in the current directory is meant if it is named so
	case errors.Is(err, fs.ErrPermission):
		return "", &LookError{name, NotExecutable, errors.New("permission denied")}
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, exec.ErrNotFound):
		return "", &LookError{name, NotFound, errors.New("command not found")}
	}
	return "", &LookError{name, NotExecutable, err}
}

// Spec is a program to run. Its standard streams are those of this process, unless it says otherwise.
type Spec struct {
	Path string
	Args []string // with the name first
	Env  []string
	// Output is where its standard output and error go, if not to those of this process.
	Output *os.File
	// Aside is for a program that runs beside the one that a person deals with: it reads nothing, and never gets the terminal.
	Aside bool
}

// Child is a program that runs, until it is reaped. Its methods are safe for concurrent use.
type Child struct {
	pid  int
	tty  *terminal // nil: it has none
	done chan struct{}
	// code and signal are written before done is closed.
	code   int
	signal unix.Signal

	mu     sync.Mutex
	reaped bool // its pid, and so its group, may be somebody else's: send nothing any more
}

// Start starts the program as the leader of a new process group. If standard input is a terminal and this process's group has it, the
// new group gets it. On Linux the program is killed when this process dies. The error is a *LookError.
func Start(spec Spec) (*Child, error) {
	c := &Child{done: make(chan struct{})}
	if !spec.Aside {
		c.tty = ownTerminal()
	}
	started := make(chan error)
	go c.run(spec, started)
	if err := <-started; err != nil {
		code := NotExecutable
		if errors.Is(err, fs.ErrNotExist) {
			code = NotFound
		}
		return nil, &LookError{spec.Args[0], code, err}
	}
	return c, nil
}

// run forks, and waits, on one thread for the child's whole life: the kernel's parent-death signal is bound to the thread that
// forked, not to the process.
func (c *Child) run(spec Spec, started chan<- error) {
	runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
	var err error
	if c.pid, err = c.fork(spec); err != nil {
		started <- err
		return
	}
	started <- nil
	defer close(c.done)
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(c.pid, &status, unix.WUNTRACED, nil)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil: // it cannot be waited for: somebody set SIGCHLD to be ignored
			c.end(125)
			return
		case status.Exited():
			c.end(status.ExitStatus())
			return
		case status.Signaled():
			c.signal = status.Signal()
			c.end(128 + int(c.signal))
			return
		case status.Stopped():
			c.stopped(status.StopSignal())
		}
	}
}

// fork returns the new process's number. It does without an os.Process, whose first one forks another time, to see what the kernel can do.
func (c *Child) fork(spec Spec) (pid int, err error) {
	in := os.Stdin
	if spec.Aside {
		null, err := os.Open(os.DevNull)
		if err != nil {
			return 0, err
		}
		defer null.Close()
		in = null
	}
	out, messages := os.Stdout, os.Stderr
	if spec.Output != nil {
		out, messages = spec.Output, spec.Output
	}
	pid, err = syscall.ForkExec(spec.Path, spec.Args, &syscall.ProcAttr{
		Env: spec.Env, Files: []uintptr{in.Fd(), out.Fd(), messages.Fd()}, Sys: attributes(c.tty),
	})
	runtime.KeepAlive(out)
	if err != nil {
		return 0, &fs.PathError{Op: "fork/exec", Path: spec.Path, Err: err}
	}
	return pid, nil
}

func (c *Child) end(code int) {
	c.mu.Lock()
	c.reaped = true
	c.mu.Unlock()
	if c.tty != nil {
		c.tty.takeBack()
	}
	c.code = code
}

// stopped goes along with a stop that came from the terminal; one by SIGSTOP is between the child and whoever sent it.
func (c *Child) stopped(sig unix.Signal) {
	if c.tty == nil {
		return
	}
	switch sig {
	case unix.SIGTTIN, unix.SIGTTOU:
		if c.tty.give(c.pid) { // it asks for the terminal, and this job has it
			c.Signal(unix.SIGCONT)
			return
		}
	case unix.SIGTSTP:
	default:
		return
	}
	// ^Z, or a job in the background that wants the terminal: the whole job stops, and goes on here when the shell continues it.
	_ = unix.Kill(0, unix.SIGSTOP)
	c.tty.give(c.pid)
	c.Signal(unix.SIGCONT)
}

// Done is closed when the child has ended and was reaped.
func (c *Child) Done() <-chan struct{} { return c.done }

// Code returns the child's exit code, or 128+n if signal n has ended it. It may be asked for once Done is closed.
func (c *Child) Code() int { return c.code }

// EndedBy returns the signal that has ended the child, or 0 if it has exited by itself. It may be asked for once Done is closed.
func (c *Child) EndedBy() unix.Signal { return c.signal }

// Signal sends sig to the child's group. A signal that is to end it is followed by CONT, for a stopped process would never act on it.
func (c *Child) Signal(sig unix.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reaped {
		return
	}
	_ = unix.Kill(-c.pid, sig)
	switch sig {
	case unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT:
		_ = unix.Kill(-c.pid, unix.SIGCONT)
	}
}

// KillGroup kills what is left of the group of a child that has ended. As long as one process of the group is there, its number is nobody
// else's; when none is, it was free for a moment only.
func (c *Child) KillGroup() { _ = unix.Kill(-c.pid, unix.SIGKILL) }
