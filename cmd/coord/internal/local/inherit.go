//go:build unix

package local

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// closeInherited closes every descriptor above keep that this process was started with: a caller's flock or pipe would
// else be held for as long as the server lives. Those without close-on-exec are the inherited ones, for whatever this
// program has opened itself, the runtime included, has it.
func closeInherited(keep int) error {
	var firstErr error
	for _, dir := range []string{"/proc/self/fd", "/dev/fd"} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			if firstErr == nil {
				firstErr = err
			}
			continue
		}
		for _, e := range entries {
			fd, err := strconv.Atoi(e.Name())
			if err != nil || fd <= keep {
				continue
			}
			if inherited(fd) {
				unix.Close(fd)
			}
		}
		return nil
	}
	return firstErr
}

// inherited tells whether fd is open and without close-on-exec.
func inherited(fd int) bool {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil && flags&unix.FD_CLOEXEC == 0
}
