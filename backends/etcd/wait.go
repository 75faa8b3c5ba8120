package etcd

import (
	"bytes"
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/connectivity"

	"github.com/coordkit/coord/kv"
)

// WaitForVersionChange waits as [kv.Storage] says. All waits of this storage on one key share one watch and, where they come
// together, one read; a wait costs the first of them one watch and one read, and nothing while it lasts.
//
// With authentication on it needs the right to read the key. A store that takes that right away ends the wait with its
// error.
func (s *Storage) WaitForVersionChange(ctx context.Context, key kv.Key, version kv.Version) (kv.Record, error) {
	err := s.check(ctx, kv.Record{Key: key})
	if err != nil {
		return kv.Record{}, opError("wait", key, err)
	}
	rec, err := s.wait(ctx, key, version)
	return rec, opError("wait", key, err)
}

// wait registers, sees the watch stand, reads, and only then waits. Any other order could miss a change.
func (s *Storage) wait(ctx context.Context, key kv.Key, version kv.Version) (kv.Record, error) {
	if s.conn.GetState() != connectivity.Ready {
		// A plain read waits no longer for a connection than a call may, and says why there is none.
		if rec, err := s.get(ctx, key); err != nil || rec.Version != version {
			return rec, err
		}
	}
	w, err := s.hub.join(key, version)
	if err != nil {
		return kv.Record{}, err
	}
	defer s.hub.leave(w)
	if err := s.standing(ctx, w); err != nil {
		return kv.Record{}, err
	}
	rec, err := s.shared(ctx, w)
	if err != nil || rec.Version != version {
		return rec, err
	}
	return w.first(ctx)
}

// standing waits until the topic's watch stands. When that takes as long as a call may wait for a connection, a plain
// read says what is the matter; while reads succeed it goes on.
func (s *Storage) standing(ctx context.Context, w *waiter) error {
	armed := w.topic.standing()
	select {
	case <-armed:
		return nil
	default:
	}
	overdue := time.NewTicker(s.opts.DialTimeout)
	defer overdue.Stop()
	for {
		select {
		case <-armed:
			return nil
		case <-w.topic.finished:
			return w.topic.err
		case <-overdue.C:
			if _, err := s.get(ctx, w.topic.key); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// shared returns the record as it was at some moment after the waiter joined.
func (s *Storage) shared(ctx context.Context, w *waiter) (kv.Record, error) {
	r := w.topic.read()
	select {
	case <-r.done:
	case <-ctx.Done():
		return kv.Record{}, ctx.Err()
	}
	switch {
	case r.err == nil:
		rec := r.rec
		rec.Value = bytes.Clone(rec.Value)
		return rec, nil
	case errors.Is(r.err, kv.ErrNotFound):
		return kv.Record{}, r.err
	case w.topic.ctx.Err() != nil: // the read was cut off with the topic, which says why
		<-w.topic.finished
		return kv.Record{}, w.topic.err
	}
	return kv.Record{}, r.err
}
