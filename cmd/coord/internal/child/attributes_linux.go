//go:build !portable

package child

import "syscall"

// attributes makes the child a leader of its group, with the terminal if there is one, and bound to the life of the thread that
// forks it.
func attributes(tty *terminal) *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if tty != nil && tty.foreground() {
		a.Foreground, a.Ctty = true, tty.fd
	}
	return a
}
