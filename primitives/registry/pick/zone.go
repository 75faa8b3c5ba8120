package pick

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
)

// What ZoneOptions mean where they say nothing.
const (
	DefaultMinCount = 1
	DefaultMinShare = 0.5
)

// ZoneOptions are the settings of a ZoneFirst picker. Nil and zero fields mean the defaults.
type ZoneOptions struct {
	// Filters leave out instances that do not pass all of them, in all zones and before any is counted. The picker within needs
	// them no more.
	Filters []registry.Filter
	// MinCount is how many instances must be Serving in the own zone for it to be preferred; default DefaultMinCount.
	MinCount int
	// MinShare is how many there must be in proportion to the average of the zones that have any; default DefaultMinShare. If
	// all zones have as many clients, and each prefers its own, then the instances of a zone that is only just preferred carry
	// 1/MinShare times the average load. Negative: not asked.
	MinShare float64
}

// ZoneFirst lets another picker pick among the instances of the own zone for as long as enough of them are Serving, and among
// those of all zones otherwise. Which it is, is decided once for each snapshot. There is no state between: to give up the zone
// in part would need to know where the clients are.
type ZoneFirst struct {
	zone    string
	within  Picker
	opts    ZoneOptions
	invalid error // why the settings are out of bounds; every pick returns it

	mu   sync.Mutex
	last atomic.Pointer[narrowed] // written with mu held
}

// narrowed is what became of a snapshot.
type narrowed struct {
	of, to   *registry.Snapshot
	filtered int // how many instances did not pass the filters
}

var _ Picker = (*ZoneFirst)(nil)

// NewZoneFirst returns a picker that prefers a zone, and leaves it to the picker within to choose there. An empty zone is none,
// and nothing is preferred. [kv.ErrInvalid] is returned by every pick if there is no picker within, or the options are out of
// bounds.
func NewZoneFirst(zone string, within Picker, opts *ZoneOptions) *ZoneFirst {
	p := &ZoneFirst{zone: zone, within: within}
	if opts != nil {
		p.opts = *opts
	}
	o := &p.opts
	o.Filters = slices.Clone(o.Filters)
	o.MinCount = cmp.Or(o.MinCount, DefaultMinCount)
	o.MinShare = cmp.Or(o.MinShare, DefaultMinShare)
	switch {
	case within == nil:
		p.invalid = fmt.Errorf("%w: zone first without a picker within", kv.ErrInvalid)
	case o.MinCount < 0:
		p.invalid = fmt.Errorf("%w: zone first with a minimal count of %d", kv.ErrInvalid, o.MinCount)
	case math.IsNaN(o.MinShare):
		p.invalid = fmt.Errorf("%w: zone first with a minimal share that is not a number", kv.ErrInvalid)
	}
	return p
}

// Pick has the picker within choose one of [ZoneFirst.Narrow]; see [Picker].
func (p *ZoneFirst) Pick(s *registry.Snapshot) (Pick, error) {
	if p.invalid != nil {
		return Pick{}, p.invalid
	}
	n := p.narrow(s)
	picked, err := p.within.Pick(n.to)
	if none, ok := err.(*NoneError); ok && n.filtered > 0 {
		whole := *none // the picker within has not seen those
		whole.Filtered += n.filtered
		return Pick{}, &whole
	}
	return picked, err
}

// Narrow returns the snapshot as the picker within gets it: with the instances alone that are in the zone and Serving, while
// there are enough, and otherwise with all that pass the filters, whatever their status. The same snapshot is narrowed to the
// same again. It is for pickers that want more than a snapshot, as [Rendezvous] does. If the options are out of bounds nothing
// is narrowed.
func (p *ZoneFirst) Narrow(s *registry.Snapshot) *registry.Snapshot { return p.narrow(s).to }

func (p *ZoneFirst) narrow(s *registry.Snapshot) narrowed {
	if n := p.last.Load(); n != nil && n.of == s {
		return *n
	}
	if s == nil || p.invalid != nil || p.zone == "" && len(p.opts.Filters) == 0 {
		return narrowed{of: s, to: s}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := p.last.Load(); n != nil && n.of == s {
		return *n // by another while we waited; the picker within must see one snapshot and not two
	}
	n := p.compute(s)
	p.last.Store(&n)
	return n
}

func (p *ZoneFirst) compute(s *registry.Snapshot) narrowed {
	passed := s.Select(p.opts.Filters...)
	var own []*registry.Instance
	serving, zones := 0, make(map[string]bool)
	for _, i := range passed {
		if i.Status != registry.Serving {
			continue
		}
		serving++
		zones[i.Zone] = true
		if i.Zone == p.zone {
			own = append(own, i)
		}
	}
	n := narrowed{of: s, filtered: len(s.Instances) - len(passed)}
	enough := len(own) >= p.opts.MinCount && float64(len(own)*len(zones)) >= p.opts.MinShare*float64(serving)
	switch {
	case p.zone != "" && enough:
		n.to = with(s, own)
	case n.filtered > 0:
		n.to = with(s, passed)
	default:
		n.to = s
	}
	return n
}

// with returns s with those of its instances only.
func with(s *registry.Snapshot, instances []*registry.Instance) *registry.Snapshot {
	out := *s
	out.Instances, out.Held = instances, 0
	for _, i := range instances {
		if i.Held {
			out.Held++
		}
	}
	return &out
}
