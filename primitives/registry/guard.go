package registry

import (
	"maps"
	"time"

	"github.com/coordkit/coord/kv"
)

// guard decides how long an instance that has vanished is still shown. It has no clock of its own.
//
// One that left with a farewell, or while it was draining, is not its business. Every other one is given a moment to come back: a
// process that has lost its lease registers again. Then it is let go, unless too many have vanished within the last holdFor: more
// than half of what there was and two at least, or all of it. Those are held, each until holdFor after it vanished, and then let go
// without a further look; so that the view of a service that is really gone becomes empty, only later.
type guard struct {
	moment, holdFor time.Duration

	missing map[kv.Key]*missing
	let     map[kv.Key]time.Time // when those vanished that were let go, not older than holdFor
}

// moment is how long one that vanished is given to come back. A store that tells every change tells of its return at once; a reader
// of the pure contract has to look again, which it does every half of Debounce.
func (r *Registry) moment() time.Duration {
	if _, ok := kv.As[kv.RangeWatcher](r.st); ok {
		return min(r.opts.Debounce, 100*time.Millisecond)
	}
	return r.opts.Debounce
}

// missing is an instance that has vanished.
type missing struct {
	was   *Instance // as it was shown last
	since time.Time
	held  *Instance // the same, marked as held, if it is
}

func newGuard(moment, holdFor time.Duration) *guard {
	return &guard{moment: moment, holdFor: holdFor, missing: make(map[kv.Key]*missing), let: make(map[kv.Key]time.Time)}
}

// vanished takes note of an instance that went without a word.
func (g *guard) vanished(i *Instance, now time.Time) {
	if g.missing[i.Key] == nil {
		g.missing[i.Key] = &missing{was: i, since: now}
	}
}

// accounted forgets that the instance at key is missing: it came back, or its farewell was seen.
func (g *guard) accounted(key kv.Key) {
	delete(g.missing, key)
	delete(g.let, key)
}

// putOff takes a time that the store was silent for as none: nobody could come back meanwhile.
func (g *guard) putOff(d time.Duration) {
	for _, m := range g.missing {
		m.since = m.since.Add(d)
	}
}

// judge lets go and holds those whose time has come, beside so many that are present. It reports whether it did either.
func (g *guard) judge(present int, now time.Time) (changed bool) {
	maps.DeleteFunc(g.let, func(_ kv.Key, since time.Time) bool { return now.Sub(since) > g.holdFor })
	lost := len(g.missing) + len(g.let) // also those whose moment is not over: who goes first is no different
	mass := g.holdFor > 0 && (present == 0 || lost >= 2 && lost > present)
	for key, m := range g.missing {
		away := now.Sub(m.since)
		switch {
		case m.held != nil && away >= g.holdFor:
			delete(g.missing, key)
		case m.held != nil || away < g.moment:
			continue
		case mass:
			held := *m.was
			held.Held = true
			m.held = &held
		default:
			delete(g.missing, key)
			g.let[key] = m.since
		}
		changed = true
	}
	return changed
}

// next is when judge has something to do, if nothing happens; zero for never.
func (g *guard) next() (at time.Time) {
	for _, m := range g.missing {
		when := m.since.Add(g.moment)
		if m.held != nil {
			when = m.since.Add(g.holdFor)
		}
		if at.IsZero() || when.Before(at) {
			at = when
		}
	}
	return at
}

// shown calls f with each that is missing and still shown.
func (g *guard) shown(f func(*Instance)) {
	for _, m := range g.missing {
		if m.held != nil {
			f(m.held)
		} else {
			f(m.was)
		}
	}
}
