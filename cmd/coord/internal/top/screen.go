//go:build unix

package top

import (
	"cmp"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/coordkit/coord/cmd/coord/internal/child"
)

// Screen is a terminal that is drawn on as a whole.
type Screen interface {
	// Size is how large it is now.
	Size() (columns, rows int)
	// Events tells what happens to it.
	Events() <-chan Event
	// Draw shows the lines, each as wide as the screen at most. It writes those that are not there already.
	Draw(lines []string) error
	// Restore makes of it what it was. It may be repeated, and is called before anything else when the program ends, however it does.
	Restore()
	// Resume takes it again, and forgets what was drawn.
	Resume() error
	// Suspend restores it and stops this process, or with group all of the job, as ^Z does. It resumes when the process is continued.
	Suspend(group bool) error
}

// Event is what happens to a screen: one of these.
type Event struct {
	Key     rune
	Resized bool
	// Continued: the process was stopped, and others may have drawn.
	Continued bool
	// Signal asks the program to end, or with SIGTSTP to stop.
	Signal unix.Signal
}

const (
	enterScreen = "\x1b[?1049h\x1b[?25l\x1b[?7l" // the other screen, without a cursor, lines do not wrap
	leaveScreen = "\x1b[m\x1b[?7h\x1b[?25h\x1b[?1049l"
)

// Terminal is a Screen on a real terminal.
type Terminal struct {
	in, out *os.File
	before  *term.State
	events  chan Event
	signals chan os.Signal
	wake    *os.File // its close ends the reader
	done    chan struct{}
	wg      sync.WaitGroup
	closing sync.Once

	mu    sync.Mutex
	taken bool     // guarded by mu; the screen is ours
	drawn []string // guarded by mu; nil: nothing is known of what is there
}

var _ Screen = (*Terminal)(nil)

// Open takes the terminal that in and out are. Close gives it back.
func Open(in, out *os.File) (*Terminal, error) {
	before, err := term.GetState(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	ready, wake, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	t := &Terminal{
		in: in, out: out, before: before, events: make(chan Event, 16), signals: make(chan os.Signal, 16), wake: wake, done: make(chan struct{}),
	}
	listen(t.signals, append([]unix.Signal{unix.SIGCONT, unix.SIGWINCH}, child.Ending...)...)
	if hearsStop {
		listen(t.signals, unix.SIGTSTP)
	}
	t.wg.Go(func() {
		defer t.panicking()
		t.read(ready)
	})
	t.wg.Go(t.hear)
	if err := t.Resume(); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// listen leaves alone what was ignored when the program started.
func listen(c chan os.Signal, signals ...unix.Signal) {
	for _, s := range signals {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
}

// panicking restores the terminal before a goroutine's panic is printed and ends the program.
func (t *Terminal) panicking() {
	if p := recover(); p != nil {
		t.Restore()
		panic(p)
	}
}

// Close restores the terminal, and stops listening to it.
func (t *Terminal) Close() {
	t.closing.Do(func() {
		t.Restore()
		signal.Stop(t.signals)
		close(t.done)
		_ = t.wake.Close()
		t.wg.Wait()
	})
}

// Size implements Screen.
func (t *Terminal) Size() (columns, rows int) {
	columns, rows, err := term.GetSize(int(t.out.Fd()))
	if err != nil || columns <= 0 || rows <= 0 {
		return 80, 24
	}
	return columns, rows
}

// Events implements Screen.
func (t *Terminal) Events() <-chan Event { return t.events }

// Draw implements Screen.
func (t *Terminal) Draw(lines []string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.taken {
		return nil
	}
	var b strings.Builder
	if t.drawn == nil {
		b.WriteString("\x1b[m\x1b[H\x1b[2J")
	}
	for i, l := range lines {
		if i < len(t.drawn) && t.drawn[i] == l {
			continue
		}
		fmt.Fprintf(&b, "\x1b[%d;1H\x1b[K%s", i+1, l) // at the right edge an erasure afterwards would take the last character
	}
	for i := len(lines); i < len(t.drawn); i++ {
		fmt.Fprintf(&b, "\x1b[%d;1H\x1b[K", i+1)
	}
	t.drawn = lines
	if b.Len() == 0 {
		return nil
	}
	_, err := t.out.WriteString(b.String())
	return err
}

// forget makes the next drawing a whole one.
func (t *Terminal) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.drawn = nil
}

// Restore implements Screen.
func (t *Terminal) Restore() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.taken {
		return
	}
	t.taken = false
	_, _ = t.out.WriteString(leaveScreen)
	_ = term.Restore(int(t.in.Fd()), t.before)
}

// Resume implements Screen. In the background the first step stops the process until it is in the foreground again.
func (t *Terminal) Resume() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := term.MakeRaw(int(t.in.Fd())); err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	t.drawn = nil
	if t.taken {
		_, _ = t.out.WriteString(leaveScreen) // what lies beneath is saved once
	}
	t.taken = true
	_, err := t.out.WriteString(enterScreen)
	return err
}

// stopsWithin is how long it takes at most until a stop is felt.
const stopsWithin = 100 * time.Millisecond

// Suspend implements Screen.
func (t *Terminal) Suspend(group bool) error {
	if !continuable() {
		return nil
	}
	t.Restore()
	who := os.Getpid()
	if group {
		who = 0
	}
	return cmp.Or(stop(who), t.Resume())
}

// continuable says whether there is a shell that could continue what is stopped. Without one the kernel would not heed SIGTSTP either.
func continuable() bool {
	session, err := unix.Getsid(0)
	if err != nil || signal.Ignored(unix.SIGTSTP) || unix.Getpgrp() == session {
		return false
	}
	parents, err := unix.Getsid(os.Getppid())
	return err == nil && parents == session
}
