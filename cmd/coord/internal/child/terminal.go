//go:build unix

package child

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// terminal is the one that standard input is, if it is one. Which group may read from it is a property of the terminal, and whoever
// starts a group has to pass it on.
type terminal struct{ fd int }

func ownTerminal() *terminal {
	if fd := int(os.Stdin.Fd()); term.IsTerminal(fd) {
		return &terminal{fd}
	}
	return nil
}

// Foreground says whether f is a terminal and this process's group has it: what is drawn there is in nobody's way.
func Foreground(f *os.File) bool {
	fd := int(f.Fd())
	return term.IsTerminal(fd) && (&terminal{fd}).foreground()
}

// owner is the group that has the terminal.
func (t *terminal) owner() int {
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	if err != nil {
		return -1
	}
	return group
}

// foreground says whether this process's group has the terminal.
func (t *terminal) foreground() bool { return t.owner() == unix.Getpgrp() }

// give passes the terminal from this group to another, and returns whether that has it now.
func (t *terminal) give(group int) bool {
	if t.foreground() {
		t.set(group)
	}
	return t.owner() == group
}

// takeBack takes the terminal back from a group that has ended; one in the background leaves it alone.
func (t *terminal) takeBack() {
	if owner := t.owner(); owner != unix.Getpgrp() && unix.Kill(-owner, 0) != nil {
		t.set(unix.Getpgrp())
	}
}

// set changes the owner. A group in the background that does so is stopped by SIGTTOU, unless the thread blocks it; ignored, it would
// stay ignored in every child.
func (t *terminal) set(group int) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	restore := blockTTOU()
	defer restore()
	_ = unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, group)
}
