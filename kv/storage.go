package kv

import (
	"context"
	"time"
)

// Key names a record: non-empty, valid UTF-8, at most [MaxKeyLen] bytes. Keys are ordered by their bytes.
type Key string

// Value is what a record holds, at most [MaxValueLen] bytes. A nil and an empty value are the same.
type Value []byte

// Version names one write of the whole store; see the package comment. Zero is the version of no record.
type Version int64

// LeaseId names a lease of the store. It is positive, and given to one lease only.
type LeaseId int64

// NoLeaseId is the lease of a record that lives until it is deleted.
const NoLeaseId = 0

// Record is one key with what is stored under it.
type Record struct {
	Key   Key
	Value Value
	// Version is the version of the write that the record stems from. Create ignores it; CasByVersion compares it.
	Version Version
	// Lease is the lease that the record is removed with, or NoLeaseId. It is chosen by Create and never changes.
	Lease LeaseId
}

// Records are records sorted by key, as GetRange returns them.
type Records []Record

// Storage is a store of records. All methods are safe for concurrent use, and each bounds itself by the ctx it is given:
// a call whose ctx ends returns an error that satisfies errors.Is(err, ctx.Err()). A nil ctx is [ErrInvalid].
// Where a method's comment names an error, the error returned is an [*OpError] that wraps it. Beyond those
// named, any call may fail with [ErrClosed], [ErrUnavailable] or the backend's own error, and any write with
// [ErrUncertain]. What a failed call returns beside its error is zero, unless the comment names it.
//
// Package kvtest tests an implementation against these comments. What a backend can do better than this is an interface
// beside it, found with [As].
type Storage interface {
	// Lessor returns the store's leases. It does no I/O and always returns the same.
	Lessor() Lessor

	// Create stores record.Key with record.Value under record.Lease if the key is absent, and returns its version,
	// greater than every version before it in the whole store. record.Version is ignored.
	//
	// It returns [ErrAlreadyExists] and the version of the stored record if the key is present (also if record.Lease
	// is no lease), [ErrWrongLeaseId] if record.Lease is not NoLeaseId and the store has no such lease, and [ErrInvalid]
	// or [ErrTooLarge] for a key or value out of bounds.
	Create(ctx context.Context, record Record) (Version, error)

	// Get returns the record at key, or [ErrNotFound].
	Get(ctx context.Context, key Key) (Record, error)

	// GetRange returns the records from startKey to endKey, both included, sorted by key, as they were at one moment.
	// The ends may be any strings. If nothing is there, if startKey > endKey, or if endKey is empty, the result is empty
	// and not nil, and there is no error. [PrefixRange] gives the ends for a prefix.
	GetRange(ctx context.Context, startKey, endKey Key) (Records, error)

	// CasByVersion replaces the value of record.Key if its version is record.Version, and returns the new version,
	// greater than every version before it in the whole store. The record's lease stays what it was; record.Lease is
	// ignored.
	//
	// It returns [ErrNotFound] if the key is absent, and [ErrWrongVersion] with the stored version if it has another.
	// Bounds are as for Create.
	CasByVersion(ctx context.Context, record Record) (Version, error)

	// Delete removes the record at key, whatever its version, or returns [ErrNotFound].
	Delete(ctx context.Context, key Key) error

	// WaitForVersionChange blocks while the record at key has the given version, and returns the first change
	// after it: the changed record, or the zero Record and a nil error if it was deleted while waiting, be it by Delete,
	// by the release of its lease or by its expiry. If the record was deleted and created again while waiting, the
	// deletion came first. If the history between was compacted away, the present record is returned, or the
	// zero Record if there is none.
	//
	// It returns the record at once if its version differs when called, and [ErrNotFound] if the key is absent when
	// called. If a change and the end of ctx come together, either may be told; to wait again with the same version loses
	// nothing. If the store cannot be read when called, that error is returned; once the wait stands, it outlives every
	// outage, and ends otherwise only with ctx (ctx.Err()), with the close of the storage ([ErrClosed]), or when the
	// store refuses the caller for good. A wait that ends leaves nothing behind, here or on a server.
	WaitForVersionChange(ctx context.Context, key Key, version Version) (Record, error)
}

// Lessor grants and finds leases.
type Lessor interface {
	// NewLease grants a lease of at least ttl; a backend that cannot do as little rounds up, and [Lease.TTL] tells.
	// ctx bounds the grant only. With keepAlive the lease is renewed in the background until it is released, until its
	// storage is closed (which stops renewing, but releases nothing) or the process ends; without, it runs out
	// after ttl.
	//
	// It returns [ErrInvalid] if ttl is not positive, or longer than the backend can grant. After [ErrUncertain] the store may
	// hold a lease that nobody knows; it runs out by itself.
	NewLease(ctx context.Context, ttl time.Duration, keepAlive bool) (Lease, error)

	// GetLease finds a live lease of the store, of whatever process. A lease granted by this storage is returned as
	// it is; of another's the result is a snapshot, whose TTL only counts down.
	//
	// It returns [ErrWrongLeaseId] if the store has no such lease. It has no ctx and bounds itself to 5 seconds.
	GetLease(lid LeaseId) (Lease, error)
}

// Lease is a time for which the store keeps the records bound to it.
//
// A lease may offer more, found by a type assertion:
//
//   - Done() <-chan struct{} is closed when the lease is over or is no longer provably alive: released, gone from the
//     store, or its TTL at zero.
//   - StopKeepAlive() ends the renewal and leaves the lease to run out by itself. It makes no call.
type Lease interface {
	// Id returns the lease's identity in the store.
	Id() LeaseId

	// TTL returns how long the lease can be relied on from now, unless somebody revokes it. It makes no call: it is
	// counted from before the grant or the renewal that the store last acknowledged was sent, less the backend's margin for
	// clock rates, and by the wall clock too where the machine may have slept. At zero or below the lease may be gone; that of
	// a lease that is known to be over is there.
	TTL() time.Duration

	// Release ends the lease and removes every record bound to it in one step. Renewal stops even if the call fails.
	// It returns nil if the lease is over already, also after Close if that is known without asking the store, and may be
	// repeated after an error. It bounds itself to 5 seconds, and after [ErrUncertain] the lease is gone at the latest when
	// its TTL is.
	Release() error
}
