package memory

import (
	"bytes"
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
	r := it.viewLocked()
	if n := len(r.Value); n <= len(it.room) {
		room := it.room // the allocation can wait until others may go on
		s.d.mu.RUnlock()
		r.Value = room.copy(n)
		return r, nil
	}
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
	ownLarge(records) // outside the lock: it may take longer than finding them
	return records, nil
}

// Small values that are returned together are copied into blocks: one allocation for many. Blocks are small as well, for whoever keeps one
// value keeps its block.
const (
	small = 256
	block = 4 << 10
)

// ownSmall makes the small values of the records the caller's own. None can be appended to over the next one.
func ownSmall(records kv.Records) {
	var free []byte
	for i := range records {
		value := records[i].Value
		n := len(value)
		if n == 0 || n > small {
			continue
		}
		if n > len(free) {
			free = make([]byte, min(block, max(n, total(records[i:]))))
		}
		copy(free, value)
		records[i].Value, free = free[:n:n], free[n:]
	}
}

// ownLarge makes the other values of the records the caller's own.
func ownLarge(records kv.Records) {
	for i := range records {
		if value := records[i].Value; len(value) > small {
			records[i].Value = bytes.Clone(value)
		}
	}
}

// total is the length of the small values among the first records, up to a block.
func total(records kv.Records) (n int) {
	for _, r := range records {
		if len(r.Value) <= small {
			n += len(r.Value)
		}
		if n >= block {
			break
		}
	}
	return n
}

// rangeLocked returns the records of a range. Their small values are copies; the large ones are the store's own, and will not change.
func (d *data) rangeLocked(startKey, endKey kv.Key) kv.Records {
	records := kv.Records{}
	d.eachLocked(startKey, endKey, func(it *item) { records = append(records, it.viewLocked()) })
	ownSmall(records)
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
	newest, ahead := s.d.newestLocked(startKey, endKey, v, nil)
	if newest != nil {
		prev = own(newest.viewLocked())
	}
	return v, prev, ahead, nil
}

// ReadPlace implements kv.PlaceReader. It visits the whole range, as a GetRange would.
func (s *Storage) ReadPlace(
	ctx context.Context, key kv.Key, created kv.Version, startKey, endKey kv.Key,
) (mine, prev kv.Record, err error) {
	if err := s.beginRead(ctx, key.Validate()); err != nil {
		return kv.Record{}, kv.Record{}, opError("read place", key, err)
	}
	defer s.d.mu.RUnlock()
	it, ok := s.d.items[key]
	if !ok {
		return kv.Record{}, kv.Record{}, opError("read place", key, kv.ErrNotFound)
	}
	if newest, _ := s.d.newestLocked(startKey, endKey, created, it); newest != nil {
		prev = own(newest.viewLocked())
	}
	return own(it.viewLocked()), prev, nil
}

// newestLocked returns the item that was created last of those in the range, but one, that were created before v, nil if there is
// none, and how many they are.
func (d *data) newestLocked(startKey, endKey kv.Key, v kv.Version, but *item) (newest *item, n int) {
	d.eachLocked(startKey, endKey, func(it *item) {
		if it.created >= v || it == but {
			return
		}
		n++
		if newest == nil || it.created > newest.created {
			newest = it
		}
	})
	return newest, n
}
