package registry

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/coordkit/coord/kv"
)

// model is a service as the store shows it, and what of it a view shows. It has no clock and no goroutine of its own.
type model struct {
	service string
	present map[kv.Key]*Instance // in the store, without those that said farewell
	bad     map[kv.Key]badRecord
	guard   *guard
}

// badRecord is one that cannot be read, at a version.
type badRecord struct {
	*RecordError
	version kv.Version
}

func newModel(service string, g *guard) *model {
	return &model{service: service, present: make(map[kv.Key]*Instance), bad: make(map[kv.Key]badRecord), guard: g}
}

// apply takes an event in, and reports whether there is something new to show that need not wait for the guard.
func (m *model) apply(ev kv.RangeEvent, now time.Time) (news bool) {
	if ev.Reset {
		there := make(map[kv.Key]bool, len(ev.Puts))
		for _, r := range ev.Puts {
			there[r.Key] = true
		}
		for key := range m.present {
			if !there[key] {
				news = m.remove(key, now) || news
			}
		}
		for key := range m.bad {
			if !there[key] {
				news = m.remove(key, now) || news
			}
		}
	}
	for _, key := range ev.Deletes {
		news = m.remove(key, now) || news
	}
	for _, r := range ev.Puts {
		news = m.put(r, now) || news
	}
	return news
}

func (m *model) put(r kv.Record, now time.Time) (news bool) {
	id, ours := idOf(m.service, r.Key)
	if !ours {
		return false // nothing that a registry has made
	}
	before := m.present[r.Key]
	if before != nil && before.Revision == r.Version || m.bad[r.Key].version == r.Version {
		return false
	}
	d, err := decodeRecord(r)
	var bad *RecordError
	switch {
	case errors.As(err, &bad):
		// It may well be alive, and somebody has broken its record: for the readers it is gone.
		m.remove(r.Key, now)
		m.bad[r.Key] = badRecord{bad, r.Version}
		return true
	case d.Status == left:
		delete(m.present, r.Key)
		delete(m.bad, r.Key)
		gone := before != nil || m.guard.missing[r.Key] != nil
		m.guard.accounted(r.Key)
		return gone
	}
	delete(m.bad, r.Key)
	m.guard.accounted(r.Key)
	m.present[r.Key] = d.instance(m.service, id, r)
	return true
}

// remove takes what is at key out. Who vanishes without a word is the guard's.
func (m *model) remove(key kv.Key, now time.Time) (news bool) {
	_, news = m.bad[key]
	delete(m.bad, key)
	i := m.present[key]
	if i == nil {
		return news
	}
	delete(m.present, key)
	if i.Status == Draining {
		return true
	}
	m.guard.vanished(i, now)
	return news
}

// snapshot is what is to be shown now. Its Gen, Health, At and Err are the feed's to fill in.
func (m *model) snapshot() *Snapshot {
	s := &Snapshot{Service: m.service, Instances: make([]*Instance, 0, len(m.present)+len(m.guard.missing))}
	for _, i := range m.present {
		s.Instances = append(s.Instances, i)
	}
	m.guard.shown(func(i *Instance) {
		s.Instances = append(s.Instances, i)
		if i.Held {
			s.Held++
		}
	})
	slices.SortFunc(s.Instances, func(a, b *Instance) int { return strings.Compare(a.ID, b.ID) })
	for _, key := range slices.Sorted(maps.Keys(m.bad)) {
		s.Bad = append(s.Bad, m.bad[key].RecordError)
	}
	return s
}
