package local

import (
	"os"

	"golang.org/x/sys/unix"
)

// listenerOf returns the process of this user that listens where the socket fd is connected to, or 0, and that the system tells it.
func listenerOf(fd int) (pid int, told bool) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil || int(cred.Uid) != os.Geteuid() {
		return 0, true
	}
	return int(cred.Pid), true
}
