package memory

import (
	"bytes"
	"context"

	"github.com/coordkit/coord/kv"
)

// WaitForVersionChange implements kv.Storage. The first change is kept for whoever waited for it, so it is told exactly, also to a
// handle that was cut off meanwhile.
func (s *Storage) WaitForVersionChange(ctx context.Context, key kv.Key, version kv.Version) (kv.Record, error) {
	if err := s.begin(ctx, key.Validate()); err != nil {
		return kv.Record{}, opError("wait", key, err)
	}
	it, ok := s.d.items[key]
	if !ok || it.version != version {
		defer s.d.mu.Unlock()
		if !ok {
			return kv.Record{}, opError("wait", key, kv.ErrNotFound)
		}
		return it.record(), nil
	}
	if it.next == nil {
		it.next = &change{done: make(chan struct{})}
	}
	next := it.next
	s.d.mu.Unlock()

	if err := s.await(ctx, next.done); err != nil {
		return kv.Record{}, opError("wait", key, err)
	}
	for { // a handle that is cut off hears nothing until it is connected again
		s.d.mu.Lock()
		cut, back := s.cut, s.back
		s.d.mu.Unlock()
		if !cut {
			r := next.record
			r.Value = bytes.Clone(r.Value)
			return r, nil
		}
		if err := s.await(ctx, back); err != nil {
			return kv.Record{}, opError("wait", key, err)
		}
	}
}

func (s *Storage) await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.closed:
		return kv.ErrClosed
	}
}
