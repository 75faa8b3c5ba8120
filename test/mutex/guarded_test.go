package mutex

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
)

// guarded is what a lock of a simulation guards: it knows who was let in, and checks at each grant what a lock promises.
type guarded struct {
	name    string
	delay   time.Duration
	excuses *excuses

	mu             sync.Mutex
	inside         []*guest
	highest        kv.Version // of all tokens
	highestWriting kv.Version
	grants         int

	lossesMu sync.Mutex               // of its own: a hold may end while it is asked whether it has
	losses   map[kv.Version]time.Time // by token: since when its holder knows of the loss
}

// guest is one that was let in.
type guest struct {
	h      *mutex.Held
	shared bool // guarded by guarded.mu
}

func (g *guarded) options() *mutex.Options { return &mutex.Options{Delay: g.delay} }

// enter checks, at the moment of a grant, that whoever was let in before and may not share knows by now that its hold is over, and for
// the delay if it was lost; and that tokens grow.
func (g *guarded) enter(h *mutex.Held, shared bool) (*guest, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	in := &guest{h, shared}
	if h.Err() != nil || g.excuses.has(h) {
		return in, nil
	}
	for _, o := range g.inside {
		if o.shared && shared || g.excuses.has(o.h) {
			continue
		}
		if o.h.Err() == nil {
			return in, fmt.Errorf("%s: %v was granted beside %v, which is valid for %v", g.name, in, o, o.h.ValidFor())
		}
		if at, lost := g.lostAt(o.h); lost && time.Since(at) < g.delay {
			return in, fmt.Errorf("%s: %v was granted %v after %v was lost", g.name, in, time.Since(at), o)
		}
	}
	before := g.highest
	if shared {
		before = g.highestWriting
	}
	if h.Token() <= before {
		return in, fmt.Errorf("%s: %v was granted after token %d", g.name, in, before)
	}
	g.highest = max(g.highest, h.Token())
	if !shared {
		g.highestWriting = max(g.highestWriting, h.Token())
	}
	g.inside = append(slices.DeleteFunc(g.inside, g.isForgotten), in)
	g.grants++
	return in, nil
}

// isForgotten reports whether a guest that has gone concerns nobody any more.
func (g *guarded) isForgotten(o *guest) bool {
	at, lost := g.lostAt(o.h)
	return o.h.Err() != nil && (!lost || time.Since(at) >= g.delay)
}

// share tells that others may read beside the guest from now on.
func (g *guarded) share(in *guest) {
	g.mu.Lock()
	defer g.mu.Unlock()
	in.shared = true
}

func (g *guarded) lose(token kv.Version) {
	g.lossesMu.Lock()
	defer g.lossesMu.Unlock()
	if g.losses == nil {
		g.losses = make(map[kv.Version]time.Time)
	}
	g.losses[token] = time.Now()
}

func (g *guarded) lostAt(h *mutex.Held) (at time.Time, lost bool) {
	g.lossesMu.Lock()
	defer g.lossesMu.Unlock()
	at, lost = g.losses[h.Token()]
	return at, lost
}

func (in *guest) String() string {
	return fmt.Sprintf("token %d (%s)", in.h.Token(), map[bool]string{false: "writing", true: "reading"}[in.shared])
}

// excuses are the holds that somebody took away by force, which a lock cannot tell its holder before the next one has it.
type excuses struct {
	mu     sync.Mutex
	leases map[kv.LeaseId]bool
	tokens map[kv.Version]bool
}

func (e *excuses) revoked(id kv.LeaseId) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.leases == nil {
		e.leases = make(map[kv.LeaseId]bool)
	}
	e.leases[id] = true
}

func (e *excuses) broken(token kv.Version, maybe bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.tokens == nil {
		e.tokens = make(map[kv.Version]bool)
	}
	e.tokens[token] = maybe
}

func (e *excuses) has(h *mutex.Held) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.leases[h.Lease()] || e.tokens[h.Token()]
}

// expected reports whether err is one that a way to the store with faults explains, or a wait that was bounded.
func expected(err error) bool {
	return slices.ContainsFunc([]error{
		mutex.ErrLocked, mutex.ErrDelayed, mutex.ErrLost, kv.ErrUnavailable, kv.ErrUncertain, errBounded,
	}, func(target error) bool { return errors.Is(err, target) })
}

func isNotHeld(err error) bool { return errors.Is(err, mutex.ErrNotHeld) }
