package sim

import (
	"slices"
	"strings"
	"time"

	"github.com/coordkit/coord/kv"
)

// disturb does something bad to a client now and then, until the trouble is over.
func (r *run) disturb() {
	r.wire.after(upTo(r.wire.dice, 2*time.Second), func() {
		if !r.bad.Load() {
			return
		}
		c := r.clients[r.wire.dice.IntN(len(r.clients))]
		what, long := r.wire.dice.IntN(8), upTo(r.wire.dice, 2*ttl)
		switch {
		case what < 2 && !c.cut:
			r.wire.trace.add("%s is cut off for %v", c.name, long)
			c.cutOff()
			r.wire.after(long, func() { c.mendAgain() })
		case what < 4 && !c.stopped:
			r.wire.trace.add("%s is stopped for %v", c.name, long)
			c.stop()
			r.wire.after(long, func() { c.goOnAgain() })
		case what == 4:
			r.revoke(c)
		case what > 4 && len(c.watches) > 0:
			c.breakWatch(what)
		}
		if r.cfg.meddle != nil {
			r.cfg.meddle(r)
		}
		r.disturb()
	})
}

// mendAgain and goOnAgain undo a disturbance, unless the end of the trouble has.
func (c *client) mendAgain() {
	if c.cut {
		c.mend()
	}
}

func (c *client) goOnAgain() {
	if c.stopped {
		c.goOn()
	}
}

// revoke ends a lease of the client's from outside: the session's, or the one that its instance is under.
func (r *run) revoke(c *client) {
	id := c.s.LeaseID()
	if r.wire.dice.IntN(2) == 0 {
		if rec, err := r.store.Get(ctxBackground, kv.Key(instances+c.name)); err == nil {
			id = rec.Lease
		}
	}
	l, err := r.store.Lessor().GetLease(id)
	if err != nil {
		return
	}
	r.wire.trace.add("lease %d of %s is revoked", id, c.name)
	r.mu.Lock()
	r.revoked[id] = true
	r.mu.Unlock()
	_ = l.Release()
}

// breakWatch has a watch of the client's begin again, or ends it.
func (c *client) breakWatch(what int) {
	standing := slices.Clone(c.watches)
	slices.SortFunc(standing, func(a, b *watch) int { return strings.Compare(a.name, b.name) })
	w := standing[c.r.wire.dice.IntN(len(standing))]
	c.r.wire.trace.add("%s breaks", w.name)
	if what == 5 {
		w.end(errBeginAgain)
	} else {
		w.end(errBroken)
	}
}

// heal ends all that is bad. Messages take their time still, and those that are late still arrive.
func (r *run) heal() {
	r.wire.trace.add("everything heals")
	r.bad.Store(false)
	r.rates = rates{}
	for _, c := range r.clients {
		c.mendAgain()
		c.goOnAgain()
	}
}
