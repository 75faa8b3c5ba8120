//go:build unix

package child

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Hold is what the child may run under.
type Hold interface {
	// Done is closed when the hold ends, Err says whether it has, by the clock, also right after a stop.
	Done() <-chan struct{}
	Err() error
	// ValidFor is how long the store still keeps others away.
	ValidFor() time.Duration
	// Broken says that the hold was taken away while the lease lives on: no time is left that could be counted.
	Broken() bool
}

// Limits are how a child is ended when its hold is.
type Limits struct {
	// Grace is how long after TERM a child whose hold was broken is killed.
	Grace time.Duration
	// Last is what ValidFor has fallen to when the child is killed: so much before anybody else can hold.
	Last time.Duration

	// OnLost, if set, is called once TERM was sent because the hold has ended, OnSignal for each signal that is passed on. Both are called
	// by Supervise itself: while they run, no time is kept.
	OnLost   func()
	OnSignal func(unix.Signal)
}

// Supervise passes signals on to the child until it has ended. When the hold ends first, the child is sent TERM at once, and KILL before the
// lease can be over; its group is killed too. It returns whether that was so, once the child was reaped.
//
//	running ──hold ends──▶ TERM sent ──time is up──▶ KILL sent
//	   └──────────────────────┴────── child ends ──────┴──▶ reaped
func Supervise(c *Child, h Hold, signals <-chan os.Signal, limits Limits) (lost bool) {
	done := h.Done()
	var kill <-chan time.Time
	lose := func() {
		lost, done = true, nil
		c.Signal(unix.SIGTERM)
		left := limits.Grace
		if !h.Broken() {
			left = h.ValidFor() - limits.Last
		}
		kill = time.After(max(0, left))
		if limits.OnLost != nil {
			limits.OnLost()
		}
	}
	for {
		// A process that was stopped for long looks at its hold before anything else.
		if !lost && h.Err() != nil {
			select {
			case <-c.Done(): // it ended first
			default:
				lose()
			}
		}
		select {
		case <-c.Done():
			if lost {
				c.KillGroup()
			}
			return lost
		case <-done:
			lose()
		case <-kill:
			c.Signal(unix.SIGKILL)
			kill = nil
		case s := <-signals:
			if s, ok := s.(unix.Signal); ok && s != unix.SIGCONT {
				c.Signal(s)
				if limits.OnSignal != nil {
					limits.OnSignal(s)
				}
			}
		}
	}
}
