package sim

import (
	"context"
	"time"
)

// member is a goroutine of a client's that asks for things. What would wake several at the same moment wakes one after the other, in an
// order of their own: which of them runs first is nothing that a seed could tell.
type member struct {
	c     *client
	place int
}

func (c *client) newMember() member {
	c.r.members++
	return member{c, c.r.members}
}

// What comes at the same moment is put this far apart, each kind at a place of its own within a step.
const (
	step    = time.Microsecond
	flushes = 1 * step / 8
	begins  = 2 * step / 8
	goesOn  = 3 * step / 8
	ends    = 4 * step / 8
)

// apart returns a ctx that ends after parent does.
func (m member) apart(parent context.Context) context.Context {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	context.AfterFunc(parent, func() {
		time.Sleep(m.at(ends))
		cancel()
	})
	return ctx
}

// rest waits for a while, or until ctx ends, and then until the client is not stopped.
func (m member) rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(1 + d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	m.stand()
}

// stand returns when the client is not stopped.
func (m member) stand() {
	m.c.mu.Lock()
	goes := m.c.goes
	m.c.mu.Unlock()
	select {
	case <-goes:
	default:
		<-goes
		time.Sleep(m.at(goesOn))
	}
}

func (m member) at(kind time.Duration) time.Duration { return time.Duration(m.place)*step + kind }
