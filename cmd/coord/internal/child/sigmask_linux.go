//go:build !portable

package child

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// blockTTOU blocks SIGTTOU for this thread, and returns what undoes it.
func blockTTOU() func() {
	var block, old unix.Sigset_t
	n := uint(unix.SIGTTOU) - 1
	bits := uint(8 * unsafe.Sizeof(block.Val[0]))
	block.Val[n/bits] |= 1 << (n % bits)
	if unix.PthreadSigmask(unix.SIG_BLOCK, &block, &old) != nil {
		return func() {}
	}
	return func() { _ = unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil) }
}
