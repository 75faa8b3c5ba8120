package registry

import (
	"slices"
	"strings"
	"time"
)

// Health says how far a snapshot can be relied on.
type Health int

const (
	// Never: the store has not answered yet. That no instance is known means nothing.
	Never Health = iota
	// Live: the store was heard of within the last 25 seconds.
	Live
	// Stale: it was not. The snapshot is what was known last, and served on: an outage of the store is not one of the service.
	Stale
)

// String returns "never", "live" or "stale".
func (h Health) String() string {
	switch h {
	case Never:
		return "never"
	case Live:
		return "live"
	}
	return "stale"
}

// Snapshot is the set of a service's instances as a view knew it at one moment. It never changes, and is shared by all who ask: neither
// it nor its instances may be written to.
type Snapshot struct {
	Service string
	// Gen numbers the snapshots of one view, 1, 2, 3 …; zero is the one before anything was known.
	Gen uint64
	// Health says whether the store backs the set.
	Health Health
	// Instances are all that are registered, sorted by ID, whatever their status; [ServingOnly] filters. One that was not changed
	// between two snapshots of a view is the same pointer in both.
	Instances []*Instance
	// Held is how many of them are shown though the store has lost them, see [Options.HoldFor].
	Held int
	// Bad are the records that cannot be read, sorted by key.
	Bad []*RecordError
	// At is when the snapshot was made, by the local clock.
	At time.Time
	// Err is why the store does not answer, if Health is not Live and there is an error to tell.
	Err error
}

// Instance returns the instance called id, or nil.
func (s *Snapshot) Instance(id string) *Instance {
	n, found := slices.BinarySearchFunc(s.Instances, id, func(i *Instance, id string) int { return strings.Compare(i.ID, id) })
	if !found {
		return nil
	}
	return s.Instances[n]
}

// Select returns the instances that pass all filters, in order, in a slice of the caller's own.
func (s *Snapshot) Select(filters ...Filter) []*Instance {
	out := make([]*Instance, 0, len(s.Instances))
	for _, i := range s.Instances {
		if passes(i, filters) {
			out = append(out, i)
		}
	}
	return out
}

// Count returns how many instances pass all filters.
func (s *Snapshot) Count(filters ...Filter) int {
	n := 0
	for _, i := range s.Instances {
		if passes(i, filters) {
			n++
		}
	}
	return n
}

// Diff is what is different between two snapshots, each part sorted by ID.
type Diff struct {
	Added, Removed []*Instance
	// Changed are the instances that are in both and not the same, as they are now. One that left and came back between the two
	// is among them.
	Changed []*Instance
}

// Empty reports whether nothing is different.
func (d Diff) Empty() bool { return len(d.Added)+len(d.Removed)+len(d.Changed) == 0 }

// Diff returns how s came out of the older snapshot prev; nil is one without instances. However many snapshots lie between the two, the
// result is right: it is computed from both, not from events.
func (s *Snapshot) Diff(prev *Snapshot) Diff {
	var before []*Instance
	if prev != nil {
		before = prev.Instances
	}
	var d Diff
	now := s.Instances
	for len(before) > 0 || len(now) > 0 {
		switch {
		case len(before) == 0 || len(now) > 0 && now[0].ID < before[0].ID:
			d.Added = append(d.Added, now[0])
			now = now[1:]
		case len(now) == 0 || before[0].ID < now[0].ID:
			d.Removed = append(d.Removed, before[0])
			before = before[1:]
		default:
			if now[0] != before[0] && (now[0].Revision != before[0].Revision || now[0].Held != before[0].Held) {
				d.Changed = append(d.Changed, now[0])
			}
			now, before = now[1:], before[1:]
		}
	}
	return d
}
