//go:build unix && (!linux || portable)

package child

import "syscall"

// attributes makes the child a leader of its group, with the terminal if there is one. Nothing here binds its life to this
// process's.
func attributes(tty *terminal) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if tty != nil && tty.foreground() {
		a.Foreground, a.Ctty = true, tty.fd
	}
	return a
}
