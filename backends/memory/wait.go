package memory

import (
	"context"

	"github.com/coordkit/coord/kv"
)

// WaitForVersionChange implements kv.Storage. The first change is kept for whoever waited for it, so it is told exactly, also to a
// handle that was cut off meanwhile. Of a change and an end of ctx that come together, the change is told.
func (s *Storage) WaitForVersionChange(ctx context.Context, key kv.Key, version kv.Version) (kv.Record, error) {
	if err := s.begin(ctx, key.Validate()); err != nil {
		return kv.Record{}, opError("wait", key, err)
	}
	it, ok := s.d.items[key]
	if !ok {
		s.d.mu.Unlock()
		return kv.Record{}, opError("wait", key, kv.ErrNotFound)
	}
	if it.version != version {
		r := it.recordLocked()
		s.d.mu.Unlock()
		return own(r), nil
	}
	if it.next == nil {
		it.next = &change{done: make(chan struct{})}
	}
	next := it.next
	s.d.mu.Unlock()

	if err := s.await(ctx, next.done); err != nil {
		return kv.Record{}, opError("wait", key, err)
	}
	for cut, back := s.connection(); cut; cut, back = s.connection() { // cut off, nothing is heard
		if err := s.await(ctx, back); err != nil {
			return kv.Record{}, opError("wait", key, err)
		}
	}
	return own(next.record), nil
}

// connection tells whether the handle is cut off, and when it is connected again.
func (s *Storage) connection() (cut bool, back <-chan struct{}) {
	s.d.mu.RLock()
	defer s.d.mu.RUnlock()
	return s.cut, s.back
}

// await waits for done. It returns an error if ctx ends or the handle is closed first.
func (s *Storage) await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	case <-s.closed:
	}
	select {
	case <-done:
		return nil
	default:
	}
	if s.isClosed() {
		return kv.ErrClosed
	}
	return ctx.Err()
}
