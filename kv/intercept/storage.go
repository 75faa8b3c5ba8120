package intercept

import (
	"bytes"
	"context"

	"github.com/coordkit/coord/kv"
)

// Storage is a storage whose calls go through an [Interceptor]. All methods are safe for concurrent use.
type Storage struct {
	st kv.Storage
	f  Interceptor
}

var _ kv.Storage = (*Storage)(nil)

// Wrap returns st with every call going through f: those of the storage, of its capabilities, and of its leases.
func Wrap(st kv.Storage, f Interceptor) *Storage { return &Storage{st: st, f: f} }

// Create implements kv.Storage.
func (s *Storage) Create(ctx context.Context, r kv.Record) (kv.Version, error) {
	c := Call{Op: OpCreate, Key: r.Key, Lease: r.Lease}
	if err := invalid(ctx, c, r.Validate()); err != nil {
		return 0, err
	}
	r = kept(r)
	return call(ctx, s, c, func(ctx context.Context) (kv.Version, error) { return s.st.Create(ctx, r) })
}

// kept returns the record with a value of its own: the call may be made after it has returned to the caller, who may then
// change the value.
func kept(r kv.Record) kv.Record {
	r.Value = bytes.Clone(r.Value)
	return r
}

// Get implements kv.Storage.
func (s *Storage) Get(ctx context.Context, key kv.Key) (kv.Record, error) {
	c := Call{Op: OpGet, Key: key}
	if err := invalid(ctx, c, key.Validate()); err != nil {
		return kv.Record{}, err
	}
	return call(ctx, s, c, func(ctx context.Context) (kv.Record, error) { return s.st.Get(ctx, key) })
}

// GetRange implements kv.Storage.
func (s *Storage) GetRange(ctx context.Context, startKey, endKey kv.Key) (kv.Records, error) {
	c := Call{Op: OpGetRange, Key: startKey, End: endKey}
	if err := invalid(ctx, c, nil); err != nil {
		return nil, err
	}
	return call(ctx, s, c, func(ctx context.Context) (kv.Records, error) { return s.st.GetRange(ctx, startKey, endKey) })
}

// CasByVersion implements kv.Storage.
func (s *Storage) CasByVersion(ctx context.Context, r kv.Record) (kv.Version, error) {
	c := Call{Op: OpCas, Key: r.Key, Version: r.Version}
	if err := invalid(ctx, c, r.Validate()); err != nil {
		return 0, err
	}
	r = kept(r)
	return call(ctx, s, c, func(ctx context.Context) (kv.Version, error) { return s.st.CasByVersion(ctx, r) })
}

// Delete implements kv.Storage.
func (s *Storage) Delete(ctx context.Context, key kv.Key) error {
	c := Call{Op: OpDelete, Key: key}
	if err := invalid(ctx, c, key.Validate()); err != nil {
		return err
	}
	return callOnly(ctx, s, c, func(ctx context.Context) error { return s.st.Delete(ctx, key) })
}

// WaitForVersionChange implements kv.Storage.
func (s *Storage) WaitForVersionChange(ctx context.Context, key kv.Key, version kv.Version) (kv.Record, error) {
	c := Call{Op: OpWait, Key: key, Version: version}
	if err := invalid(ctx, c, key.Validate()); err != nil {
		return kv.Record{}, err
	}
	return call(ctx, s, c, func(ctx context.Context) (kv.Record, error) {
		return s.st.WaitForVersionChange(ctx, key, version)
	})
}

// Close closes the storage beneath, if it can be closed, and otherwise does nothing. It is not one of the calls.
func (s *Storage) Close() error {
	if c, ok := s.st.(interface{ Close() error }); ok {
		return c.Close()
	}
	return nil
}
