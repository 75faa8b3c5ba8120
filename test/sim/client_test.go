package sim

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/session"
)

const ttl = 5 * time.Second

// client is a process: a handle on the store, the way there, and what stands on it.
type client struct {
	r      *run
	name   string
	handle *memory.Storage
	st     kv.Storage // what its ways begin at
	s      *session.Session
	reg    *registry.Registry

	// The driver's.
	cut, stopped bool
	held         []func() // what waits until the client can send and hear again
	watches      []*watch // in the order in which they were begun

	mu   sync.Mutex
	goes chan struct{} // closed while the client is not stopped
	away time.Time     // since when its leases are not renewed; zero while they are
}

func (r *run) newClient(n int) *client {
	c := &client{r: r, name: fmt.Sprintf("c%d", n), handle: r.store.Connect(), goes: make(chan struct{})}
	close(c.goes)
	beneath := kv.Storage(&ledger{Storage: c.handle, r: r})
	if r.cfg.plant != nil {
		beneath = r.cfg.plant(r, beneath)
	}
	if r.cfg.pure {
		beneath = kvtest.Hide(beneath)
	}
	c.st = beneath
	owner := session.Owner{Name: c.name, Host: "host", Program: "sim", PID: n + 1}
	c.s = session.New(c.way("session"), &session.Options{TTL: ttl, Owner: owner})
	c.reg = registry.New(c.way("registry"), &registry.Options{TTL: ttl, HoldFor: ttl, Owner: owner, OnDuplicate: registry.Replace})
	return c
}

// ledger knows of every lease that was granted.
type ledger struct {
	kv.Storage
	r *run
}

func (l *ledger) Unwrap() kv.Storage { return l.Storage }

func (l *ledger) Lessor() kv.Lessor { return lessor{l.Storage.Lessor(), l.r} }

type lessor struct {
	kv.Lessor
	r *run
}

func (l lessor) NewLease(ctx context.Context, ttl time.Duration, keepAlive bool) (kv.Lease, error) {
	lease, err := l.Lessor.NewLease(ctx, ttl, keepAlive)
	if err == nil {
		l.r.granted = append(l.r.granted, lease.Id()) // on the driver, as all calls
	}
	return lease, err
}

// hold keeps what cannot reach the client now, or cannot be sent by it.
func (c *client) hold(do func()) { c.held = append(c.held, do) }

// flush lets go of what was held.
func (c *client) flush() {
	held := c.held
	c.held = nil
	for i, do := range held {
		c.r.wire.after(time.Duration(i)*step+flushes, do)
	}
}

// connect has the client's leases renewed, or not, as it is neither cut off nor stopped, or is.
func (c *client) connect() {
	c.mu.Lock()
	switch reached := !c.cut && !c.stopped; {
	case reached:
		c.away = time.Time{}
	case c.away.IsZero():
		c.away = time.Now()
	}
	c.mu.Unlock()
	c.handle.SetConnected(!c.cut && !c.stopped)
}

// outOfReach is for how long the client's leases have not been renewed.
func (c *client) outOfReach() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away.IsZero() {
		return 0
	}
	return time.Since(c.away)
}

// cutOff cuts the client off until mend.
func (c *client) cutOff() {
	c.cut = true
	c.connect()
}

func (c *client) mend() {
	c.cut = false
	c.connect()
	c.flush()
}

// stop stops the client until goOn.
func (c *client) stop() {
	c.stopped = true
	c.connect()
	c.mu.Lock()
	c.goes = make(chan struct{})
	c.mu.Unlock()
}

func (c *client) goOn() {
	c.stopped = false
	c.connect()
	c.mu.Lock()
	close(c.goes)
	c.mu.Unlock()
	c.flush()
}
