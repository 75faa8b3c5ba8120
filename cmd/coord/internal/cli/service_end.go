//go:build unix

package cli

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/primitives/registry"
)

// pass passes signals on. The first one that asks for the end it keeps until the instance has drained, unless another one is in a hurry.
func (p *presence) pass(to chan<- os.Signal, ended <-chan struct{}) {
	send := func(s os.Signal) {
		select {
		case to <- s:
		case <-ended:
		}
	}
	var kept os.Signal
	var drained, hurry chan struct{} // of the drain under way
	asked := false
	for {
		select {
		case s := <-p.signals:
			switch drains := s == unix.SIGTERM || s == unix.SIGINT; {
			case drains && !asked:
				asked, kept, drained, hurry = true, s, make(chan struct{}), make(chan struct{})
				go func() { p.drain(hurry); close(drained) }()
			case drains && kept != nil:
				close(hurry)
				<-drained
				send(kept)
				kept, drained = nil, nil
				send(s)
			default:
				send(s)
			}
		case <-drained:
			send(kept)
			kept, drained = nil, nil
		case <-ended:
			if kept != nil {
				close(hurry)
				<-drained
			}
			return
		}
	}
}

// tellWithin is how long the news that the instance drains may hold up the end that was asked for, when the store is slow.
const tellWithin = time.Second

// drain makes the instance drain and returns when readers can know and the time that was given for it is over, or in a hurry.
func (p *presence) drain(hurry <-chan struct{}) {
	if p.drainFor > 0 && !p.app.quiet {
		p.app.say("coord: %s drains for %v\n", p.what(), p.drainFor)
	}
	ctx, cancel := context.WithTimeout(context.Background(), p.drainFor+tellWithin)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		over := time.NewTimer(p.drainFor)
		defer over.Stop()
		told, stop := context.WithTimeout(ctx, tellWithin)
		defer stop()
		_ = p.g.SetStatus(told, registry.Draining) // it stands, and is written when that can be
		select {
		case <-over.C:
		case <-ctx.Done():
		}
	}()
	select {
	case <-done:
	case <-hurry:
		cancel()
		<-done
	}
}
