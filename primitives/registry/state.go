package registry

import (
	"context"
	"iter"
	"time"

	"github.com/coordkit/coord/kv"
)

// Phase is how a registration stands.
//
//	Joining ── Registered ◁──▷ Lost
//	   └───────────┴─────────── Closed
type Phase int

const (
	// Joining: it has not been registered yet.
	Joining Phase = iota
	// Registered: the store has the instance, as far as is known.
	Registered
	// Lost: the store has it no more, or its lease was not renewed in time and it may be gone, or another instance has its ID.
	// All is done to get it back.
	Lost
	// Closed: it is over.
	Closed
)

// String returns "joining", "registered", "lost" or "closed".
func (p Phase) String() string {
	switch p {
	case Joining:
		return "joining"
	case Registered:
		return "registered"
	case Lost:
		return "lost"
	}
	return "closed"
}

// State is how a registration stands at a moment.
type State struct {
	Phase Phase
	// Status is what the instance is, or is to be, for readers.
	Status Status
	// Ordered says that an operator has drained it, see [Registry.Drain]; Status is Draining then.
	Ordered bool
	// Err is why it is not registered, or why its last change is not written yet: the store's error, or a *DuplicateError if
	// another instance has its ID. If there is nothing of the kind it is the last error of the instance's [Check]. Once Closed,
	// it is why the farewell has failed.
	Err error
	// Since is when the phase began, by the local clock.
	Since time.Time
}

// same reports whether two states tell the same.
func (s State) same(t State) bool {
	return s.Phase == t.Phase && s.Since.Equal(t.Since) && s.Status == t.Status && s.Ordered == t.Ordered &&
		text(s.Err) == text(t.Err)
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// State returns how the registration stands. It makes no call.
func (g *Registration) State() State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.state
}

// States yields the present state, and then each newer one. Whoever is slow gets the newest, not all between. The sequence ends
// with ctx, or after Closed. With a nil ctx it is the present state only.
func (g *Registration) States(ctx context.Context) iter.Seq[State] {
	return func(yield func(State) bool) {
		if ctx == nil {
			yield(g.State())
			return
		}
		for told := uint64(0); ; {
			g.mu.Lock()
			state, rev, changed := g.state, g.rev, g.changed
			g.mu.Unlock()
			if rev != told && !yield(state) || state.Phase == Closed {
				return
			}
			told = rev
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}
}

// statusLocked is what the instance says of itself: its check's verdict, unless it drains.
func (g *Registration) statusLocked() Status {
	if g.verdict != "" && g.wanted.Status != Draining {
		return g.verdict
	}
	return g.wanted.Status
}

func (g *Registration) stateLocked() State {
	s := State{Phase: g.phase, Status: g.statusLocked(), Ordered: g.ordered, Err: g.fault, Since: g.since}
	if g.ordered {
		s.Status = Draining
	}
	if s.Err == nil && s.Phase != Closed {
		s.Err = g.checkErr
	}
	return s
}

// tellLocked wakes whoever waits for a change.
func (g *Registration) tellLocked() {
	if s := g.stateLocked(); !s.same(g.state) {
		g.state = s
		g.rev++
	}
	close(g.changed)
	g.changed = make(chan struct{})
}

// enterLocked notes the phase and its reason.
func (g *Registration) enterLocked(p Phase, fault error) {
	if g.phase != p {
		g.phase, g.since = p, time.Now()
	}
	g.fault = fault
	g.tellLocked()
}

// settle fixes the result of the farewell; the first one counts.
func (g *Registration) settle(result error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.settled {
		g.settled, g.result = true, result
	}
}

// know notes what the store has.
func (g *Registration) know(version kv.Version, lease kv.LeaseId, ordered bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.version, g.lease, g.ordered = version, lease, ordered
	g.tellLocked()
}
