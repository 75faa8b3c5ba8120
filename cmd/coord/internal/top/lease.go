package top

import (
	"time"

	"github.com/coordkit/coord/kv"
)

const (
	// askAgain is how old what is known of a lease gets before it is asked for again: renewals are no change that a watch tells.
	askAgain = 2 * time.Second
	// askAtOnce bounds how many leases are asked for in one go.
	askAtOnce = 64
)

// leases are what is known of the leases on the screen.
type leases map[kv.LeaseId]*leaseSeen

type leaseSeen struct {
	left, full time.Duration // left at the time at; full is the whole of it, as far as known
	at, asked  time.Time
	known      bool
}

// due returns which of ids are to be asked for now, and takes them for asked.
func (l leases) due(ids []kv.LeaseId, now time.Time) []kv.LeaseId {
	var due []kv.LeaseId
	for _, id := range ids {
		s := l[id]
		if id == kv.NoLeaseId || len(due) == askAtOnce || s != nil && now.Sub(s.asked) < askAgain {
			continue
		}
		if s == nil {
			s = &leaseSeen{}
			l[id] = s
		}
		s.asked = now
		due = append(due, id)
	}
	return due
}

// answer takes in what the store said of a lease at a moment; full is zero if it does not tell.
func (l leases) answer(id kv.LeaseId, left, full time.Duration, at time.Time) {
	s := l[id]
	if s == nil {
		s = &leaseSeen{}
		l[id] = s
	}
	s.left, s.full, s.at, s.known = max(0, left), max(s.full, full, left), at, true
}

// left is what is left of a lease now, and the whole of it; false if nobody has said.
func (l leases) left(id kv.LeaseId, now time.Time) (left, full time.Duration, ok bool) {
	s := l[id]
	if s == nil || !s.known {
		return 0, 0, false
	}
	return max(0, s.left-now.Sub(s.at)), s.full, true
}

// forget drops those that nobody has asked for lately.
func (l leases) forget(now time.Time) {
	for id, s := range l {
		if now.Sub(s.asked) > 30*askAgain {
			delete(l, id)
		}
	}
}
