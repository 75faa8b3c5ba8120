package sim

import (
	"fmt"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/fence"
)

// resource is what the holders of one name write to. It is the driver's only.
type resource struct {
	r       *run
	name    string
	gate    *fence.Gate // nil for one that admits everybody
	highest kv.Version  // the greatest token that a write was made with
	writes  int
	stale   int // refused
}

// write sends a write, or a read, under the seat's token on its way, which may be long. The holder does not wait for it.
func (c *client) write(res *resource, in *seat, shared bool) {
	c.r.wire.post(fmt.Sprintf("%s at %s with %d", c.name, res.name, in.Token()), func() {
		if c.stopped {
			c.hold(func() { c.send(res, in, shared) })
		} else {
			c.send(res, in, shared)
		}
	})
}

func (c *client) send(res *resource, in *seat, shared bool) {
	w := c.r.wire
	dice := w.of(fmt.Sprintf("%s at %s with %d", c.name, res.name, in.Token()))
	d := upTo(dice, tripAtMost)
	if dice.IntN(8) == 0 {
		d = upTo(dice, 3*ttl)
	}
	w.after(d, func() { res.arrives(in, shared) })
}

// arrives checks that no write comes after one with a higher token, and that nobody is refused who holds.
func (res *resource) arrives(in *seat, shared bool) {
	token, holds := in.Token(), in.Err() == nil && !res.r.isRevoked(in.Lease())
	var err error
	switch {
	case res.gate != nil && shared:
		err = res.gate.AdmitShared(token)
	case res.gate != nil:
		err = res.gate.Admit(token)
	}
	res.r.wire.trace.add("%s: token %d, shared %t: %v", res.name, token, shared, err)
	switch {
	case err == nil && token < res.highest:
		res.r.fail(staleWrite, "%s: a write under token %d after one under %d", res.name, token, res.highest)
	case err != nil && holds:
		res.r.fail(staleWrite, "%s: %v, which is held for %v", res.name, err, in.ValidFor())
	case err != nil:
		res.stale++
	default:
		res.writes++
		if !shared {
			res.highest = max(res.highest, token)
		}
	}
}
