package registry

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/names"
)

// Lookup returns the instances of a service that pass all filters, sorted by ID, as they are in the store: one linearizable read,
// for scripts and operators. Who calls a service again and again takes a [View]. The slice is empty, not nil, if there are none;
// what cannot be read is left out. It returns kv.ErrInvalid for a name out of bounds, ctx.Err(), or the store's error.
func (r *Registry) Lookup(ctx context.Context, service string, filters ...Filter) ([]*Instance, error) {
	s, err := r.Inspect(ctx, service)
	if err != nil {
		return nil, err
	}
	return s.Select(filters...), nil
}

// Inspect returns a service as it is in the store, with what cannot be read of it: one linearizable read. Health is Live and Gen is zero in that
// snapshot. A service that never had an instance is an empty one. Its errors are those of Lookup.
func (r *Registry) Inspect(ctx context.Context, service string) (*Snapshot, error) {
	fail := func(err error) error { return &Error{Op: "lookup", Service: service, Err: err} }
	if err := cmp.Or(r.usable(), ValidateService(service)); err != nil {
		return nil, fail(err)
	}
	start, end := kv.PrefixRange(instances(service))
	records, err := r.st.GetRange(ctx, start, end)
	if err != nil {
		return nil, fail(err)
	}
	return read(service, records), nil
}

// Services returns every service that has, or ever had, an instance, sorted by name, each as it is in the store at the same moment; also
// one that was only looked for, by a view on the pure contract, which leaves its epoch. Health is Live and Gen is zero in these
// snapshots. It reads all of all services at once. It returns ctx.Err(), or the store's error.
func (r *Registry) Services(ctx context.Context) ([]*Snapshot, error) {
	if err := r.usable(); err != nil {
		return nil, &Error{Op: "list", Err: err}
	}
	start, end := kv.PrefixRange(base)
	records, err := r.st.GetRange(ctx, start, end)
	if err != nil {
		return nil, &Error{Op: "list", Err: err}
	}
	byName := names.Group(base, records)
	services := make([]*Snapshot, 0, len(byName))
	for name, records := range byName {
		services = append(services, read(name, records))
	}
	slices.SortFunc(services, func(a, b *Snapshot) int { return strings.Compare(a.Service, b.Service) })
	return services, nil
}

// read is a service as these records show it.
func read(service string, records kv.Records) *Snapshot {
	m := newModel(service, newGuard(0, 0))
	m.apply(kv.RangeEvent{Reset: true, Puts: records}, time.Now())
	s := m.snapshot()
	s.Health, s.At = Live, time.Now()
	return s
}

// withCause joins the error that ended a wait with why it was in vain.
func withCause(ended, why error) error {
	if why == nil {
		return ended
	}
	return fmt.Errorf("%w: %w", ended, why)
}
