//go:build !portable

package top

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// hearsStop says whether SIGTSTP is listened for: the terminal is restored before it stops this process.
const hearsStop = true

// stop stops this process, or the whole group with 0, as ^Z does, and returns when it goes on. Who waits for it, such as coord run, tells that
// from SIGSTOP, and a group that nobody could continue is left alone. The runtime keeps its handler for a signal that was listened for once,
// which would swallow it; all zeros is the default action, however the struct is laid out, and what was there is put back as it was.
func stop(who int) error {
	var before, byDefault [128]byte
	if err := sigaction(unix.SIGTSTP, &byDefault, &before); err != nil {
		return err
	}
	err := unix.Kill(who, unix.SIGTSTP)
	time.Sleep(stopsWithin) // in the midst of which this process is stopped
	if e := sigaction(unix.SIGTSTP, &before, nil); e != nil && err == nil {
		err = e
	}
	return err
}

func sigaction(s unix.Signal, action, before *[128]byte) error {
	const size = 8 // of a set of signals in the kernel; more on MIPS only
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s), uintptr(unsafe.Pointer(action)), uintptr(unsafe.Pointer(before)), size, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
