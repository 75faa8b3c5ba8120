package kvtest

import (
	"math"
	"strings"
	"time"

	"github.com/coordkit/coord/kv"
)

func (g *generator) cas() step {
	r := kv.Record{Key: g.key(), Value: g.value(), Lease: g.lease()}
	r.Version = g.version(r.Key)
	if g.one(8) {
		r.Value = g.m.records[r.Key].Value // a new version of the same
	}
	return &casStep{g.caller(), r}
}

func (g *generator) append() step {
	r := g.record()
	start, end := g.ends()
	if !g.appends {
		return &createStep{g.caller(), r}
	}
	return &appendStep{g.caller(), r, start, end}
}

// place looks before a version that a record was created with, or one beyond all.
func (g *generator) place() step {
	key, other := g.key(), g.key()
	start, end := g.ends()
	created := g.m.records[other].created
	if g.one(4) {
		created = []kv.Version{0, -1, math.MinInt64, math.MaxInt64, g.m.version}[g.intN(5)]
	}
	if !g.places {
		return &getStep{g.caller(), key}
	}
	return &placeStep{g.caller(), key, created, start, end}
}

// ends are those of a range of which also what is not ours would be told, without a name: so it stays among our keys, or is empty.
func (g *generator) ends() (start, end kv.Key) {
	start, end = g.end(), g.end()
	if end != "" && !strings.HasPrefix(string(end), string(g.base)) {
		end = g.base + "\xff"
	}
	if !strings.HasPrefix(string(start), string(g.base)) {
		start = g.base
	}
	return start, end
}

// wait keeps few waits standing; instead of one more it lets one be given up.
func (g *generator) wait() step {
	const standing = 8
	if len(g.m.waits) >= standing || len(g.m.waits) > 0 && g.one(16) {
		if w := g.m.waits[g.intN(len(g.m.waits))]; len(w.told) == 0 {
			return &giveUpStep{w}
		}
		return &collectStep{}
	}
	key := g.key()
	if _, present := g.m.records[key]; present { // so that it changes soon, and more than once
		g.recent = append(g.recent[2:], key, key)
	}
	return &waitStep{caller: g.caller(), key: key, version: g.version(key)}
}

// newLease is of a TTL in which much can happen where time is fake, and otherwise of one that outlasts the run.
func (g *generator) newLease() step {
	const few = 6
	ttl := time.Duration(1+g.intN(5000)) * time.Millisecond
	switch n := g.intN(16); {
	case n == 0:
		ttl = 1
	case n == 1:
		ttl = 1000 * time.Hour
	case n == 2:
		ttl = []time.Duration{0, -1, math.MinInt64}[g.intN(3)]
	case len(g.m.live) > few:
		return g.release()
	}
	if !g.fake && ttl > 0 {
		ttl = ttl.Truncate(time.Second) + 10*time.Hour
	}
	return &newLeaseStep{g.caller(), ttl, g.one(3)}
}

// onHandle makes a step with a handle of which the contract says what it answers.
func (g *generator) onHandle(make func(h handle) step) step {
	l := g.anyLease()
	if l == nil {
		return g.newLease()
	}
	h := handle{l.id, l.seen && g.one(2)}
	if !l.tells(h.snapshot) {
		return &getLeaseStep{g.intN(2), l.id}
	}
	return make(h)
}

// anyLease is a live lease mostly, or one of those granted last.
func (g *generator) anyLease() *modelLease {
	switch n := len(g.m.leases); {
	case len(g.m.live) > 0 && !g.one(4):
		return g.m.live[g.intN(len(g.m.live))]
	case n > 0:
		return g.m.leases[n-1-g.intN(min(n, 10))]
	}
	return nil
}

func (g *generator) release() step {
	l := g.anyLease()
	if l == nil {
		return &getLeaseStep{g.intN(2), kv.NoLeaseId}
	}
	return &releaseStep{handle{l.id, l.seen && g.one(2)}}
}

func (g *generator) stopKeepAlive() step {
	l := g.anyLease()
	if l == nil || !g.stops {
		return g.newLease()
	}
	return &stopKeepAliveStep{handle{lease: l.id}}
}

// pass goes to the very end of a lease, to the last moment before it, or somewhere.
func (g *generator) pass() step {
	d := time.Duration(g.intN(1_000_000_000))
	if len(g.m.live) > 0 {
		l := g.m.live[g.intN(len(g.m.live))]
		if left := l.left(g.m.now); left < time.Minute {
			d = left - time.Duration(g.intN(3)) + 1
		}
	}
	if !g.fake {
		return &collectStep{}
	}
	return &passStep{max(d, 1)}
}
