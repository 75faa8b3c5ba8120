package top

import (
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
)

// kind is what a thing is.
type kind int

const (
	lock kind = iota
	semaphore
	election
	service
	kinds int = iota
)

// place names a thing: its kind, and its name as keys have it, escaped.
type place struct {
	kind kind
	part string
}

// thing is a lock, a semaphore, an election or a service, as it is and as it came to be.
type thing struct {
	place
	state
	// began tells since when each holds, or waits, as far as it was seen; until then its own clock tells.
	began map[identity]time.Time
	// line is how many waited, or how many instances there were, of late.
	line series
	// held and waited are how long the last ones held it and waited for it, the latest last.
	held, waited []time.Duration
	// used is when it was seen in use last.
	used time.Time
}

// state is a thing at one moment.
type state struct {
	name string
	// has are who has it: the holders, the leader, the instances. waits are the others, in order.
	has, waits []member
	// inUse and limit are a semaphore's, term is an election's number.
	inUse, limit, term int64
	err                string // why it cannot be read
}

// member is one who has a thing or waits for it.
type member struct {
	identity
	lease kv.LeaseId
	// label is what it is called, owner the process, note what it says of itself.
	label string
	owner session.Owner
	note  string
	// extra is what matters for its kind alone: "read", a weight, a priority, a status.
	extra string
	since time.Time
	err   string
}

// identity tells one attempt from another at the same key.
type identity struct {
	key   kv.Key
	token kv.Version
}

// keep is how many lengths of holds and waits are remembered.
const keep = 40

// become takes over a new state. Of one that is not seen for the first time, who was not there before has come now.
func (t *thing) become(s state, first bool, now time.Time) {
	began := make(map[identity]time.Time, len(s.has)+len(s.waits))
	had, waited := members(t.has), members(t.waits)
	for i := range s.has {
		m := &s.has[i]
		began[m.identity] = t.begin(*m, had[m.identity], first || t.kind == service || t.kind == election, now)
		if waited[m.identity] {
			t.waited = remember(t.waited, now.Sub(t.began[m.identity]))
		}
		delete(had, m.identity)
	}
	for i := range s.waits {
		m := &s.waits[i]
		began[m.identity] = t.begin(*m, waited[m.identity], first, now)
		delete(had, m.identity) // not held any more, and waiting again: no end of a hold
	}
	for id := range had {
		t.held = remember(t.held, now.Sub(t.began[id]))
	}
	t.state, t.began = s, began
	if t.inUseNow() {
		t.used = now
	}
	t.line.set(now, t.length())
}

// begin is since when one has, or waits for, the thing.
func (t *thing) begin(m member, before, itsOwn bool, now time.Time) time.Time {
	switch {
	case before:
		return t.began[m.identity]
	case itsOwn && !m.since.IsZero() && m.since.Before(now):
		return m.since
	}
	return now
}

func members(list []member) map[identity]bool {
	ids := make(map[identity]bool, len(list))
	for _, m := range list {
		ids[m.identity] = true
	}
	return ids
}

func remember(list []time.Duration, d time.Duration) []time.Duration {
	list = append(list, max(0, d))
	return list[max(0, len(list)-keep):]
}

// length is the number that is shown over time.
func (t *thing) length() int {
	if t.kind == service {
		return len(t.has)
	}
	return len(t.waits)
}

func (t *thing) inUseNow() bool { return len(t.has)+len(t.waits) > 0 }

// oldest is since when the first of those who have it has it; zero if nobody does.
func (t *thing) oldest() time.Time {
	var first time.Time
	for _, m := range t.has {
		if at := t.began[m.identity]; first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}
