package boltkv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/coordkit/coord/kv"
)

// The buckets of the file.
const (
	records = "records" // key → version, lease, value; its sequence is the store's counter
	leases  = "leases"  // id → TTL, end
	bound   = "bound"   // lease id and key of each record under a lease
)

// tx is a transaction. What it does to the rest of the store is done by what it gives to OnCommit, if it succeeds.
type tx struct {
	*bbolt.Tx
	d *store
}

func (tx *tx) bucket(name string) *bbolt.Bucket { return tx.Bucket([]byte(name)) }

// next counts one on: the one counter of all versions, positions and lease ids. It is written in the same transaction as what is
// numbered, so it cannot be behind it after a crash, and a version never returns.
func (tx *tx) next() (kv.Version, error) {
	n, err := tx.bucket(records).NextSequence()
	return kv.Version(n), err
}

// view runs f in a transaction that reads: one moment, in which every write is that was acknowledged.
func (d *store) view(f func(tx *tx) error) error {
	return failure(d.db.View(func(b *bbolt.Tx) error { return f(&tx{b, d}) }))
}

// update runs f in a transaction that writes: if f fails, nothing has changed.
func (d *store) update(f func(tx *tx) (kv.Version, error)) (kv.Version, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.updateLocked(f)
}

func (d *store) updateLocked(f func(tx *tx) (kv.Version, error)) (kv.Version, error) {
	b, err := d.db.Begin(true)
	if err != nil {
		return 0, failure(err)
	}
	v, err := f(&tx{b, d})
	if err != nil {
		_ = b.Rollback() // it only says that there is no transaction
		return v, err
	}
	if err := b.Commit(); err != nil {
		// It may be in the file or not, and what is in memory may differ from it. That is said, and nothing is served any more.
		d.failed.Store(true)
		return 0, fmt.Errorf("%w: %w", kv.ErrUncertain, err)
	}
	return v, nil
}

// failure puts bbolt's errors into the contract's words. It is the one place that knows them.
func failure(err error) error {
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return fmt.Errorf("%w: %w", kv.ErrClosed, err)
	}
	return err
}

// encode returns the record, but for its key, as it is stored.
func encode(r kv.Record) []byte { return append(pair(int64(r.Version), int64(r.Lease)), r.Value...) }

// decode returns the record. It copies: what bbolt hands out is the file itself, and gone after the transaction.
func decode(key kv.Key, data []byte) kv.Record {
	version, lease := unpair(data)
	return kv.Record{Key: key, Version: kv.Version(version), Lease: kv.LeaseId(lease), Value: slices.Clone(data[16:])}
}

func number(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func pair(a, b int64) []byte { return append(number(a), number(b)...) }

func unpair(data []byte) (a, b int64) {
	return int64(binary.BigEndian.Uint64(data)), int64(binary.BigEndian.Uint64(data[8:]))
}
