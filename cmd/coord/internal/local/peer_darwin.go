package local

import (
	"os"

	"golang.org/x/sys/unix"
)

// listenerOf returns the process of this user that listens where the socket fd is connected to, or 0, and that the system tells it.
func listenerOf(fd int) (pid int, told bool) {
	cred, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil || int(cred.Uid) != os.Geteuid() {
		return 0, true
	}
	pid, err = unix.GetsockoptInt(fd, unix.SOL_LOCAL, unix.LOCAL_PEERPID)
	if err != nil {
		return 0, true
	}
	return pid, true
}
