package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/election"
)

var ctxBackground = context.Background()

// judge checks what must hold once everything has healed, while the sessions and their leases live on: nothing is left of what was given
// back, every view shows what is there, and who is registered is there.
func (r *run) judge(registrars []*registrar) {
	for _, prefix := range []string{"coord/lock/", "coord/semaphore/s/q/", "coord/election/e/c/"} {
		for _, rec := range r.keys(prefix) {
			r.fail(leftBehind, "%s %s", rec.Key, rec.Value)
		}
	}
	info, err := election.Inspect(ctxBackground, r.store, r.chair.name)
	if err != nil || !info.Leader.Vacant {
		r.fail(leftBehind, "a leader: %v %v", info.Leader, err)
	}
	for i, c := range r.clients {
		if seen := r.observed[i].seen(); fmt.Sprint(seen) != fmt.Sprint(info.Leader) {
			r.fail(viewWrong, "%s was told of %v, and it is %v", c.name, seen, info.Leader)
		}
		v := c.reg.View(service)
		if differs := r.truth.agrees(v.Snapshot()); differs != "" {
			r.fail(viewWrong, "%s: %s", c.name, differs)
		}
		v.Close()
	}
	for _, g := range registrars {
		r.truth.mu.Lock()
		l := r.truth.lives[g.id]
		r.truth.mu.Unlock()
		switch {
		case (g.now != nil) != (l != nil && !l.over):
			r.fail(vanished, "%s is registered: %t, and is there: %t", g.id, g.now != nil, l != nil && !l.over)
		case g.now != nil && l.present.Weight != g.now.Instance().Weight:
			r.fail(viewWrong, "%s has weight %d in the store, and %d is wanted", g.id, l.present.Weight, g.now.Instance().Weight)
		}
	}
}

// keys are the records under a prefix.
func (r *run) keys(prefix string) kv.Records {
	start, end := kv.PrefixRange(kv.Key(prefix))
	all, err := r.store.GetRange(ctxBackground, start, end)
	if err != nil {
		r.fail(wrongError, "GetRange: %v", err)
	}
	return all
}

// permanent are the keys that stay.
var permanent = []kv.Key{"coord/election/e/term", "coord/registry/s/e", "coord/semaphore/s/limit"}

// close ends all that runs, and checks that nothing is left: no key, no lease, no call. Of goroutines the bubble itself finds any.
func (r *run) close(watch *sync.WaitGroup) {
	var closing sync.WaitGroup
	for _, c := range r.clients {
		r.truth.mayGo(c.name)
		closing.Go(func() {
			err := c.reg.Close(ctxBackground)
			if err = errors.Join(err, c.s.Close(ctxBackground)); err != nil {
				r.fail(wrongError, "Close: %v", err)
			}
		})
	}
	r.await(&closing, recovery)
	r.await(watch, recovery)
	r.wire.drive(ttl+time.Second, nil) // for the farewells
	for _, rec := range r.keys("") {
		if !slices.Contains(permanent, rec.Key) {
			r.fail(leftBehind, "%s %s", rec.Key, rec.Value)
		}
	}
	for _, id := range r.granted {
		if _, err := r.store.Lessor().GetLease(id); !errors.Is(err, kv.ErrWrongLeaseId) {
			r.fail(leftBehind, "lease %d: %v", id, err)
		}
	}
	if n := r.underWay.Load(); n != 0 {
		r.fail(leftBehind, "%d calls", n)
	}
	for _, c := range r.clients {
		_ = c.handle.Close()
	}
}
