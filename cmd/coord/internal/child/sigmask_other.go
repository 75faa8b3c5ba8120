//go:build unix && (!linux || portable)

package child

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// blockTTOU ignores SIGTTOU for a moment: threads' masks cannot be set here. What undoes it leaves the runtime's handler, which heeds no
// signal that nobody listens for: to stop ignoring alone would leave it ignored, in children too, and theirs start with the default action
// where there is a handler.
func blockTTOU() func() {
	signal.Ignore(unix.SIGTTOU)
	return func() {
		c := make(chan os.Signal, 1)
		signal.Notify(c, unix.SIGTTOU)
		signal.Stop(c)
	}
}
