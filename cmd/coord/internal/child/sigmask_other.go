//go:build unix && !linux

package child

import (
	"os/signal"

	"golang.org/x/sys/unix"
)

// blockTTOU ignores SIGTTOU for a moment: threads' masks cannot be set here.
func blockTTOU() func() {
	signal.Ignore(unix.SIGTTOU)
	return func() { signal.Reset(unix.SIGTTOU) }
}
