package kv

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"
)

// WithPrefix returns the part of st beneath prefix as a storage of its own: its key k is st's key prefix+k, and nothing else of st
// can be read, waited for or written through it. Keys and ranges passed in get the prefix, what comes back loses it, in records,
// events and errors alike. Any number of programs may share a store in this way; their namespaces are apart if no prefix begins with
// another one, so end it with a separator. Of the key that is the prefix itself the namespace knows nothing.
//
// The bounds are those of the key as stored: one that is longer than [MaxKeyLen] with the prefix is [ErrTooLarge].
// An empty prefix returns st. With a prefix that is no valid UTF-8, or that leaves no room for a key, every call
// is [ErrInvalid].
//
// Leases, versions and positions are st's. Capabilities are found with [As] where st has them, and keep to the prefix, too.
// Close closes st, if it can be closed, and otherwise does nothing.
func WithPrefix(st Storage, prefix Key) Storage {
	if prefix == "" {
		return st
	}
	return &prefixed{st: st, prefix: prefix, invalid: validatePrefix(prefix)}
}

func validatePrefix(prefix Key) error {
	switch {
	case len(prefix) >= MaxKeyLen:
		return fmt.Errorf("%w: prefix of %d bytes, at most %d", ErrTooLarge, len(prefix), MaxKeyLen-1)
	case !utf8.ValidString(string(prefix)):
		return fmt.Errorf("%w: prefix is not valid UTF-8", ErrInvalid)
	}
	return nil
}

// prefixed is a namespace of st.
type prefixed struct {
	st      Storage
	prefix  Key
	invalid error // what is wrong with the prefix
}

var _ Storage = (*prefixed)(nil)

// stored returns a key as st has it. The caller's own is checked first: with the prefix an empty one would look valid. So is ctx, which
// comes before it.
func (p *prefixed) stored(ctx context.Context, key Key) (Key, error) {
	if err := ValidateContext(ctx); err != nil {
		return "", err
	}
	if p.invalid != nil {
		return "", p.invalid
	}
	if err := key.Validate(); err != nil {
		return "", err
	}
	if n := len(p.prefix); n+len(key) > MaxKeyLen {
		return "", fmt.Errorf("%w: key of %d bytes, at most %d after a prefix of %d", ErrTooLarge, len(key), MaxKeyLen-n, n)
	}
	return p.prefix + key, nil
}

// storedEnds returns the ends of a range as st has them. Whatever is between two keys with the prefix has it as well, so no end
// leaves the namespace. An empty start begins after the prefix: the key that is the prefix itself is not in the namespace. So an empty
// end, which becomes the prefix, is before every start, and the range is empty as it must be.
func (p *prefixed) storedEnds(startKey, endKey Key) (start, end Key, err error) {
	if p.invalid != nil {
		return "", "", p.invalid
	}
	if startKey == "" {
		startKey = "\x00"
	}
	return p.prefix + startKey, p.prefix + endKey, nil
}

// told returns a key of st as the caller has it.
func (p *prefixed) told(key Key) Key { return Key(strings.TrimPrefix(string(key), string(p.prefix))) }

// toldRecord returns a record of st as the caller has it. The zero Record stays what it is.
func (p *prefixed) toldRecord(r Record) Record {
	r.Key = p.told(r.Key)
	return r
}

// toldRecords changes records, which are the caller's own already, in place.
func (p *prefixed) toldRecords(records Records) Records {
	for i := range records {
		records[i].Key = p.told(records[i].Key)
	}
	return records
}

// toldError returns an error of st as one of the caller's key; nil stays nil.
func toldError(op string, key Key, err error) error {
	if err == nil {
		return nil
	}
	if said, ok := err.(*OpError); ok {
		err = said.Err
	}
	return &OpError{Op: op, Key: key, Err: err}
}

// Lessor returns the leases of the store beneath: they have no keys.
func (p *prefixed) Lessor() Lessor {
	if p.invalid != nil {
		return invalidLessor{p.invalid}
	}
	return p.st.Lessor()
}

// Create implements Storage.
func (p *prefixed) Create(ctx context.Context, record Record) (Version, error) {
	key, err := p.stored(ctx, record.Key)
	if err != nil {
		return 0, toldError("create", record.Key, err)
	}
	key, record.Key = record.Key, key
	v, err := p.st.Create(ctx, record)
	return v, toldError("create", key, err)
}

// Get implements Storage.
func (p *prefixed) Get(ctx context.Context, key Key) (Record, error) {
	stored, err := p.stored(ctx, key)
	if err != nil {
		return Record{}, toldError("get", key, err)
	}
	r, err := p.st.Get(ctx, stored)
	return p.toldRecord(r), toldError("get", key, err)
}

// GetRange implements Storage.
func (p *prefixed) GetRange(ctx context.Context, startKey, endKey Key) (Records, error) {
	start, end, err := p.storedEnds(startKey, endKey)
	if err != nil {
		return nil, toldError("get range", startKey, err)
	}
	records, err := p.st.GetRange(ctx, start, end)
	return p.toldRecords(records), toldError("get range", startKey, err)
}

// CasByVersion implements Storage.
func (p *prefixed) CasByVersion(ctx context.Context, record Record) (Version, error) {
	key, err := p.stored(ctx, record.Key)
	if err != nil {
		return 0, toldError("cas", record.Key, err)
	}
	key, record.Key = record.Key, key
	v, err := p.st.CasByVersion(ctx, record)
	return v, toldError("cas", key, err)
}

// Delete implements Storage.
func (p *prefixed) Delete(ctx context.Context, key Key) error {
	stored, err := p.stored(ctx, key)
	if err == nil {
		err = p.st.Delete(ctx, stored)
	}
	return toldError("delete", key, err)
}

// WaitForVersionChange implements Storage.
func (p *prefixed) WaitForVersionChange(ctx context.Context, key Key, version Version) (Record, error) {
	stored, err := p.stored(ctx, key)
	if err != nil {
		return Record{}, toldError("wait", key, err)
	}
	r, err := p.st.WaitForVersionChange(ctx, stored, version)
	return p.toldRecord(r), toldError("wait", key, err)
}

// Close closes the store beneath, if it can be closed.
func (p *prefixed) Close() error {
	if c, ok := p.st.(interface{ Close() error }); ok {
		return c.Close()
	}
	return nil
}
