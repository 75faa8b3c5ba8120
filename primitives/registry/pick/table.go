package pick

import (
	"sync"
	"sync/atomic"

	"github.com/coordkit/coord/primitives/registry"
)

// table is what a picker has worked out for one snapshot.
type table[T any] struct {
	of        *registry.Snapshot
	instances []*registry.Instance // those to choose from, in the snapshot's order
	err       error                // why there is none, or nil
	data      T                    // what the picker needs beside them; zero if there is none
}

// tables keeps the table of the last snapshot. Snapshots never change, so that the pointer tells them apart; the table keeps
// its snapshot alive, so that no other can come to have the same pointer.
type tables[T any] struct {
	opts  Options
	build func([]*registry.Instance) T // for one new snapshot at a time, and never for none; nil: there is no data

	mu   sync.Mutex
	last atomic.Pointer[table[T]] // written with mu held
}

// table returns that of s.
func (c *tables[T]) table(s *registry.Snapshot) *table[T] {
	if t := c.last.Load(); t != nil && t.of == s {
		return t
	}
	return c.renew(s)
}

// renew makes the table of s the last. Whoever has an older snapshot at the same moment makes that the last again, and both
// tables are right; it passes as soon as nobody uses the old one.
func (c *tables[T]) renew(s *registry.Snapshot) *table[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.last.Load(); t != nil && t.of == s {
		return t // by another while we waited
	}
	t := &table[T]{of: s}
	t.instances, t.err = choosable(s, c.opts.Filters, c.opts.FailOpen)
	if t.err == nil && c.build != nil {
		t.data = c.build(t.instances)
	}
	c.last.Store(t)
	return t
}

// choosable returns the instances that may be picked, at least one, or a *NoneError.
func choosable(s *registry.Snapshot, filters []registry.Filter, failOpen bool) ([]*registry.Instance, error) {
	if s == nil {
		return nil, &NoneError{}
	}
	passed := s.Select(filters...)
	byStatus := make(map[registry.Status][]*registry.Instance)
	for _, i := range passed {
		byStatus[i.Status] = append(byStatus[i.Status], i)
	}
	draining := byStatus[registry.Draining]
	switch {
	case len(byStatus[registry.Serving]) > 0:
		return byStatus[registry.Serving], nil
	case failOpen && len(byStatus[registry.NotServing]) > 0:
		return byStatus[registry.NotServing], nil
	case failOpen && len(draining) > 0 && len(draining) == len(passed):
		return draining, nil
	}
	e := &NoneError{
		Service: s.Service, Health: s.Health, Filtered: len(s.Instances) - len(passed), Err: s.Err,
		Starting: len(byStatus[registry.Starting]), NotServing: len(byStatus[registry.NotServing]), Draining: len(draining),
	}
	e.Other = len(passed) - e.Starting - e.NotServing - e.Draining
	return nil, e
}

// weight is an instance's, put within bounds: readers take what they find in a record.
func weight(i *registry.Instance) int64 {
	if i.Weight <= 0 {
		return registry.DefaultWeight
	}
	return int64(min(i.Weight, registry.MaxWeight))
}
