//go:build unix

package child

import (
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// Ending are the signals that ask a program to end, All those that are passed on to the child.
var (
	Ending = []unix.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT}
	All    = append(append([]unix.Signal{}, Ending...), unix.SIGUSR1, unix.SIGUSR2, unix.SIGWINCH, unix.SIGCONT)
)

// Notify sends the signals to the channel it returns until stop is called. One that was ignored when this process started, as nohup
// does with HUP, stays ignored, here and in the child: to listen for it would switch it on again.
func Notify(signals []unix.Signal) (c <-chan os.Signal, stop func()) {
	var listen []os.Signal
	for _, s := range signals {
		if !signal.Ignored(s) {
			listen = append(listen, s)
		}
	}
	ch := make(chan os.Signal, 16)
	if len(listen) > 0 { // none would mean all
		signal.Notify(ch, listen...)
	}
	return ch, func() { signal.Stop(ch) }
}
