package boltkv

import (
	"bytes"
	"context"
	"errors"

	"github.com/coordkit/coord/kv"
)

// Create implements kv.Storage.
func (s *Storage) Create(ctx context.Context, r kv.Record) (kv.Version, error) {
	if err := s.check(ctx, r.Validate()); err != nil {
		return 0, opError("create", r.Key, err)
	}
	v, err := s.d.update(func(tx *tx) (kv.Version, error) {
		if old, err := tx.get(r.Key); err == nil { // first: a present key wins over a dead lease
			return old.Version, kv.ErrAlreadyExists
		}
		if r.Lease != kv.NoLeaseId && s.d.leases[r.Lease] == nil {
			return 0, kv.ErrWrongLeaseId
		}
		return tx.put(r) // at a version of its own; r.Version is ignored
	})
	return v, opError("create", r.Key, err)
}

// Get implements kv.Storage.
func (s *Storage) Get(ctx context.Context, key kv.Key) (kv.Record, error) {
	if err := s.check(ctx, key.Validate()); err != nil {
		return kv.Record{}, opError("get", key, err)
	}
	r, err := s.d.get(key)
	return r, opError("get", key, err)
}

// GetRange implements kv.Storage. The ends may be any strings, so they are not validated. An empty end is before every key, which the
// comparison knows by itself, and so is an end before the start; in a store where an empty end means all, both must be asked for first.
func (s *Storage) GetRange(ctx context.Context, startKey, endKey kv.Key) (kv.Records, error) {
	if err := s.check(ctx, nil); err != nil {
		return nil, opError("get range", startKey, err)
	}
	rs := kv.Records{} // empty, not nil
	err := s.d.view(func(tx *tx) error {
		c := tx.bucket(records).Cursor()
		for k, data := c.Seek([]byte(startKey)); k != nil && string(k) <= string(endKey); k, data = c.Next() {
			rs = append(rs, decode(kv.Key(k), data))
		}
		return nil
	})
	if err != nil {
		return nil, opError("get range", startKey, err)
	}
	return rs, nil
}

// CasByVersion implements kv.Storage.
func (s *Storage) CasByVersion(ctx context.Context, r kv.Record) (kv.Version, error) {
	if err := s.check(ctx, r.Validate()); err != nil {
		return 0, opError("cas", r.Key, err)
	}
	v, err := s.d.update(func(tx *tx) (kv.Version, error) {
		old, err := tx.get(r.Key)
		switch {
		case err != nil: // whatever r.Version is: zero is not the version of an absent key
			return 0, err
		case old.Version != r.Version:
			return old.Version, kv.ErrWrongVersion
		}
		return tx.put(kv.Record{Key: r.Key, Value: r.Value, Lease: old.Lease}) // the lease stays
	})
	return v, opError("cas", r.Key, err)
}

// Delete implements kv.Storage.
func (s *Storage) Delete(ctx context.Context, key kv.Key) error {
	if err := s.check(ctx, key.Validate()); err != nil {
		return opError("delete", key, err)
	}
	_, err := s.d.update(func(tx *tx) (kv.Version, error) {
		r, err := tx.get(key)
		if err != nil {
			return 0, err
		}
		return 0, tx.remove(r)
	})
	return opError("delete", key, err)
}

// get returns the record at key, in a transaction of its own.
func (d *store) get(key kv.Key) (r kv.Record, err error) {
	err = d.view(func(tx *tx) (err error) {
		r, err = tx.get(key)
		return err
	})
	return r, err
}

func (tx *tx) get(key kv.Key) (kv.Record, error) {
	data := tx.bucket(records).Get([]byte(key))
	if data == nil {
		return kv.Record{}, kv.ErrNotFound
	}
	return decode(key, data), nil
}

// put stores the record at the next version.
func (tx *tx) put(r kv.Record) (kv.Version, error) {
	v, err := tx.next()
	if err != nil {
		return 0, err
	}
	r.Version = v
	if r.Lease != kv.NoLeaseId {
		err = tx.bucket(bound).Put(append(number(int64(r.Lease)), r.Key...), nil)
	}
	tx.OnCommit(func() { tx.d.tellLocked(r.Key, v, r) })
	return v, errors.Join(err, tx.bucket(records).Put([]byte(r.Key), encode(r)))
}

// remove removes the record. It takes a number too: a deletion has its place among the changes, for those who wait.
func (tx *tx) remove(r kv.Record) error {
	at, err := tx.next()
	tx.OnCommit(func() { tx.d.tellLocked(r.Key, at, kv.Record{}) })
	return errors.Join(err,
		tx.bucket(records).Delete([]byte(r.Key)),
		tx.bucket(bound).Delete(append(number(int64(r.Lease)), r.Key...)))
}

// boundTo returns the records of a lease.
func (tx *tx) boundTo(id kv.LeaseId) kv.Records {
	var rs kv.Records
	prefix, c := number(int64(id)), tx.bucket(bound).Cursor()
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
		if r, err := tx.get(kv.Key(k[len(prefix):])); err == nil {
			rs = append(rs, r)
		}
	}
	return rs
}
