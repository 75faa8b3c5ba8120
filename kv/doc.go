// Package kv is the contract between coord's primitives and the store beneath them.
//
// A store keeps records: a key, a value, a version and, optionally, the lease that the record lives under. Seven
// methods ([Storage]) and leases ([Lessor]) are all that locks, elections and the registry need, so that whatever fulfils
// this package carries all of them. Package kvtest holds the same promises as a test suite; a backend is right when it
// passes it.
//
// # Versions
//
// A version is a point in the life of the whole store, not of one key. Every successful [Storage.Create] and
// [Storage.CasByVersion] yields a version greater than every one that the store gave before, for any key, also
// after the key was deleted and created again. A version therefore names one write, for ever: a compare-and-swap
// with a version read long ago cannot hit another life of the key, and the version that Create returned orders holders
// of a lock (a fencing token). Versions are positive; the zero Record is no record.
//
// # Ordering and reads
//
// Reads are linearizable: what Get or GetRange returns was the state of the store at one moment between call and return,
// so a read that begins after a write was acknowledged, to anybody, sees that write. GetRange reads one moment,
// however large the range is.
//
// # Waiting
//
// [Storage.WaitForVersionChange] is how anything here waits. It is told a version that its caller has read, so that no
// change can fall between reading and waiting. While the store's history is there it returns the first change after that
// version; after a compaction of the history it returns the present state. Neither an outage nor the end of a
// context is ever reported as a deletion.
//
// # Outcomes
//
// A call that fails has changed nothing, unless its error is [ErrUncertain]: then the request was, or may have been, sent
// and no answer came, and it may take effect even after the call has returned. Callers decide by reading, and by using
// keys that nobody else can own.
//
// # Which error comes first
//
// Every backend checks in the same order, so that the same mistake has the same answer everywhere: the arguments, from the
// first to the last ([ErrInvalid], [ErrTooLarge]), then whether the storage is closed ([ErrClosed]), then whether ctx is over
// (ctx.Err()), and only then does it ask the store. Every failed call returns an [*OpError], which says what was tried on
// which key; test it with errors.Is.
//
// # Leases
//
// A lease is a promise of the store to keep some records for a time, and to remove them all in one step when
// the time is over. Its TTL as told by [Lease.TTL] is pessimistic: measured by this process from the moment before
// the request that last renewed it was sent, less a margin for clocks that run at different rates. When it reaches zero the
// lease may be gone; before, unless somebody revoked it, it is not.
//
// # Closing
//
// Close() error is on a backend's own type. It ends that handle and nothing else: calls return [ErrClosed], and so do waits that
// stand; leases are renewed no more, but not released. It returns when what the handle had started is over, and may be repeated, by
// several at once.
//
// # Concurrency
//
// All methods of all types here are safe for concurrent use. Values passed in are copied before the call returns; values
// returned belong to the caller.
package kv
