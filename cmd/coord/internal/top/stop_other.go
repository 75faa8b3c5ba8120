//go:build unix && (!linux || portable)

package top

import (
	"time"

	"golang.org/x/sys/unix"
)

// hearsStop says whether SIGTSTP is listened for. The runtime keeps its handler for a signal that was listened for once, which would swallow
// the one of stop, and here nothing puts the default action back. So a SIGTSTP that somebody sends stops this process before the terminal is
// restored; the screen is drawn anew when it goes on.
const hearsStop = false

// stop stops this process, or the whole group with 0, as ^Z does, and returns when it goes on. SIGSTOP would do that too, but who waits for
// the process, such as coord run, would not go along with it.
func stop(who int) error {
	err := unix.Kill(who, unix.SIGTSTP)
	time.Sleep(stopsWithin) // in the midst of which this process is stopped
	return err
}
