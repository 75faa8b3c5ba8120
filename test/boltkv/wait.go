package boltkv

import (
	"context"
	"slices"

	"github.com/coordkit/coord/kv"
)

// wait is a call that waits, in the store's list under its key.
type wait struct {
	version kv.Version
	first   chan kv.Record // room for one: the first change after version, or the zero Record for a deletion
}

// WaitForVersionChange implements kv.Storage.
func (s *Storage) WaitForVersionChange(ctx context.Context, key kv.Key, version kv.Version) (kv.Record, error) {
	if err := s.check(ctx, key.Validate()); err != nil {
		return kv.Record{}, opError("wait", key, err)
	}
	r, err := s.wait(ctx, key, version)
	return r, opError("wait", key, err)
}

// wait subscribes, then reads, then waits. In any other order a change could fall between the read and the wait, and be missed.
func (s *Storage) wait(ctx context.Context, key kv.Key, version kv.Version) (kv.Record, error) {
	w := s.d.subscribe(key, version)
	defer s.d.unsubscribe(key, w) // however it ends, it leaves nothing behind
	r, err := s.d.get(key)
	if err != nil || r.Version != version {
		return r, err // absent or changed when called
	}
	select {
	case r := <-w.first:
		return r, nil
	case <-ctx.Done():
		return kv.Record{}, ctx.Err()
	case <-s.open.Done():
		return kv.Record{}, kv.ErrClosed
	}
}

func (d *store) subscribe(key kv.Key, version kv.Version) *wait {
	w := &wait{version: version, first: make(chan kv.Record, 1)}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waits[key] == nil {
		d.waits[key] = make(map[*wait]struct{})
	}
	d.waits[key][w] = struct{}{}
	return w
}

func (d *store) unsubscribe(key kv.Key, w *wait) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.waits[key], w)
	if len(d.waits[key]) == 0 {
		delete(d.waits, key)
	}
}

// tellLocked tells the waits on key of the change that has the number at. One whose version is not before it has read it already; one
// that has been told of a change keeps that one, the first.
func (d *store) tellLocked(key kv.Key, at kv.Version, r kv.Record) {
	for w := range d.waits[key] {
		if at <= w.version {
			continue
		}
		own := r
		own.Value = slices.Clone(r.Value) // each caller gets a value of its own
		select {
		case w.first <- own:
		default:
		}
	}
}
