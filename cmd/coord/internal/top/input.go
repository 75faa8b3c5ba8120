//go:build unix

package top

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// escapeWithin is how long after an ESC the rest of a sequence comes, if there is one.
const escapeWithin = 50 * time.Millisecond

// read tells which keys are pressed, until the other end of ready is closed. It never waits in a read, which nothing could end.
func (t *Terminal) read(ready *os.File) {
	defer ready.Close()
	var pending []byte
	buf := make([]byte, 256)
	for {
		for len(pending) > 0 {
			k, n := decode(pending, false)
			if n == 0 {
				break
			}
			pending = pending[n:]
			t.tell(Event{Key: k})
		}
		fds := []unix.PollFd{{Fd: int32(t.in.Fd()), Events: unix.POLLIN}, {Fd: int32(ready.Fd()), Events: unix.POLLIN}}
		timeout := -1
		if len(pending) > 0 {
			timeout = int(escapeWithin / time.Millisecond)
		}
		n, err := unix.Poll(fds, timeout)
		switch {
		case fds[1].Revents != 0:
			return
		case errors.Is(err, unix.EINTR):
			continue
		case err == nil && n == 0:
			k, n := decode(pending, true)
			pending = pending[n:]
			t.tell(Event{Key: k})
			continue
		case err == nil:
			n, err = unix.Read(int(t.in.Fd()), buf)
		}
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
		case err != nil, n <= 0: // the terminal has gone
			t.tell(Event{Signal: unix.SIGHUP})
			return
		default:
			pending = append(pending, buf[:n]...)
		}
	}
}

// hear tells which signals come.
func (t *Terminal) hear() {
	for {
		select {
		case s := <-t.signals:
			switch s {
			case unix.SIGWINCH:
				t.forget() // a terminal moves what it shows when its size changes
				t.tell(Event{Resized: true})
			case unix.SIGCONT:
				t.tell(Event{Continued: true})
			default:
				t.tell(Event{Signal: s.(unix.Signal)})
			}
		case <-t.done:
			return
		}
	}
}

func (t *Terminal) tell(e Event) {
	select {
	case t.events <- e:
	case <-t.done:
	}
}
