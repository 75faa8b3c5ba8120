package kvtest

import (
	"slices"
	"time"

	"github.com/coordkit/coord/kv"
)

// modelLease is a lease of the model, for ever.
type modelLease struct {
	id    kv.LeaseId
	owner int // which of the two handles granted it
	ttl   time.Duration
	kept  bool
	end   time.Duration // when it runs out unless it is kept
	over  ending
	seen  bool          // the other handle has a snapshot of it
	until time.Duration // what the last snapshot counts down to
}

// ending says how a lease ended. Who ended it knows that its TTL is zero; others may not have heard of it.
type ending int

const (
	alive ending = iota
	ranOut
	releasedByOwner
	releasedByOther
)

func (m *model) newLease(owner int, ttl time.Duration, keepAlive bool) kv.LeaseId {
	ttl = max(ttl, m.minTTL)
	l := &modelLease{
		id: kv.LeaseId(len(m.leases) + 1), owner: owner, ttl: ttl, kept: keepAlive, end: m.now + ttl,
	}
	m.leases = append(m.leases, l)
	m.live = append(m.live, l)
	return l.id
}

// lease returns the live lease of that number, or nil.
func (m *model) lease(id kv.LeaseId) *modelLease {
	if id < 1 || int(id) > len(m.leases) || m.leases[id-1].over != alive {
		return nil
	}
	return m.leases[id-1]
}

func (m *model) getLease(on int, id kv.LeaseId) error {
	l := m.lease(id)
	if l == nil {
		return kv.ErrWrongLeaseId
	}
	if on != l.owner {
		l.seen, l.until = true, m.now+l.left(m.now)
	}
	return nil
}

func (m *model) stopKeepAlive(id kv.LeaseId) {
	if l := m.lease(id); l != nil && l.kept {
		l.kept, l.end = false, m.now+l.ttl
	}
}

// end ends a lease that is not over yet, with all its records.
func (m *model) end(id kv.LeaseId, how ending) {
	l := m.lease(id)
	if l == nil {
		return
	}
	l.over = how
	m.live = slices.DeleteFunc(m.live, func(other *modelLease) bool { return other == l })
	for key, r := range m.records {
		if r.Lease == id {
			_ = m.delete(key)
		}
	}
}

// pass lets time pass, and ends the leases whose time is up: at their end, not after it.
func (m *model) pass(d time.Duration) {
	m.now += d
	for _, l := range slices.Clone(m.live) {
		if !l.kept && l.end <= m.now {
			m.end(l.id, ranOut)
		}
	}
}

// left is how long the lease lives from now if it is renewed no more.
func (l *modelLease) left(now time.Duration) time.Duration {
	switch {
	case l.over != alive:
		return 0
	case l.kept:
		return l.ttl
	}
	return l.end - now
}

// tells says whether the contract fixes what TTL answers on the owner's handle, or on the other's snapshot.
func (l *modelLease) tells(snapshot bool) bool {
	switch l.over {
	case releasedByOwner:
		return !snapshot
	case releasedByOther:
		return snapshot
	}
	return l.seen || !snapshot
}

// leftAt is what TTL answers where tells says that it is fixed.
func (l *modelLease) leftAt(now time.Duration, snapshot bool) time.Duration {
	if snapshot && l.over != releasedByOther {
		return max(0, l.until-now)
	}
	return l.left(now)
}
