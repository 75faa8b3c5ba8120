package memory

import (
	"context"

	"github.com/coordkit/coord/kv"
)

// Create implements kv.Storage.
func (s *Storage) Create(ctx context.Context, r kv.Record) (kv.Version, error) {
	if err := s.begin(ctx, r.Validate()); err != nil {
		return 0, opError("create", r.Key, err)
	}
	defer s.d.mu.Unlock()
	v, err := s.d.createLocked(r)
	return v, opError("create", r.Key, err)
}

// Get implements kv.Storage.
func (s *Storage) Get(ctx context.Context, key kv.Key) (kv.Record, error) {
	if err := s.beginRead(ctx, key.Validate()); err != nil {
		return kv.Record{}, opError("get", key, err)
	}
	it, ok := s.d.items[key]
	if !ok {
		s.d.mu.RUnlock()
		return kv.Record{}, opError("get", key, kv.ErrNotFound)
	}
	r := it.recordLocked()
	s.d.mu.RUnlock()
	return own(r), nil
}

// GetRange implements kv.Storage.
func (s *Storage) GetRange(ctx context.Context, startKey, endKey kv.Key) (kv.Records, error) {
	if err := s.beginRead(ctx, nil); err != nil {
		return nil, opError("get range", startKey, err)
	}
	records := s.d.rangeLocked(startKey, endKey)
	s.d.mu.RUnlock()
	for i := range records { // outside the lock: it takes longer than finding them
		records[i] = own(records[i])
	}
	return records, nil
}

// rangeLocked returns the records of a range, with the store's own values.
func (d *data) rangeLocked(startKey, endKey kv.Key) kv.Records {
	records := kv.Records{}
	d.eachLocked(startKey, endKey, func(it *item) { records = append(records, it.recordLocked()) })
	return records
}

// CasByVersion implements kv.Storage.
func (s *Storage) CasByVersion(ctx context.Context, r kv.Record) (kv.Version, error) {
	if err := s.begin(ctx, r.Validate()); err != nil {
		return 0, opError("cas", r.Key, err)
	}
	defer s.d.mu.Unlock()
	v, err := s.d.casLocked(r)
	return v, opError("cas", r.Key, err)
}

// Delete implements kv.Storage.
func (s *Storage) Delete(ctx context.Context, key kv.Key) error {
	if err := s.begin(ctx, key.Validate()); err != nil {
		return opError("delete", key, err)
	}
	defer s.d.mu.Unlock()
	return opError("delete", key, s.d.deleteLocked(key))
}

// Append implements kv.Appender. It visits the whole range, as a GetRange would.
func (s *Storage) Append(
	ctx context.Context, r kv.Record, startKey, endKey kv.Key,
) (v kv.Version, prev kv.Record, ahead int, err error) {
	if err := s.begin(ctx, r.Validate()); err != nil {
		return 0, kv.Record{}, 0, opError("append", r.Key, err)
	}
	defer s.d.mu.Unlock()
	v, err = s.d.createLocked(r)
	if err != nil {
		return v, kv.Record{}, 0, opError("append", r.Key, err)
	}
	var newest *item
	s.d.eachLocked(startKey, endKey, func(it *item) {
		if it.key == r.Key {
			return
		}
		ahead++
		if newest == nil || it.created > newest.created {
			newest = it
		}
	})
	if newest != nil {
		prev = own(newest.recordLocked())
	}
	return v, prev, ahead, nil
}
