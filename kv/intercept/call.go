package intercept

import (
	"context"

	"github.com/coordkit/coord/kv"
)

// The operations, named as in [kv.OpError].
const (
	OpCreate       = "create"
	OpGet          = "get"
	OpGetRange     = "get range"
	OpCas          = "cas"
	OpDelete       = "delete"
	OpWait         = "wait"
	OpAppend       = "append"
	OpReadPlace    = "read place"
	OpWatchRange   = "watch range"
	OpNewLease     = "new lease"
	OpGetLease     = "get lease"
	OpReleaseLease = "release lease"
)

// Call is one call of a storage, of a capability, or of one of its leases.
type Call struct {
	// Op is the operation, one of the constants.
	Op string
	// Key is the key, the start of the range, or empty for a lease, as in [kv.OpError].
	Key kv.Key
	// End is the end of the range of "get range", "watch range", "append" and "read place".
	End kv.Key
	// Version is the version that "cas" compares, "wait" waits at, and "read place" looks before.
	Version kv.Version
	// Lease is the lease that "create" and "append" bind the record to, or that "get lease" and "release lease" are about.
	Lease kv.LeaseId
}

// Writes reports whether the call changes the store, so that its outcome can be unknown.
func (c Call) Writes() bool {
	switch c.Op {
	case OpCreate, OpCas, OpDelete, OpAppend, OpNewLease, OpReleaseLease:
		return true
	}
	return false
}

// Interceptor decides what becomes of a call. It runs on the caller's goroutine, and must be safe for concurrent use.
//
// do makes the call at the storage beneath, with the ctx that it is given, and returns its error. It may be called once, or not at
// all, and then the Interceptor returns why. It may also be called after the Interceptor has returned an error, from another
// goroutine: so a write lands late. Nothing of that reaches the caller; a lease granted too late is left to run out.
//
// What the Interceptor returns is the call's error, in a [kv.OpError] unless it is one. The values that the call returns with it are
// zero, but for the version that belongs to an error of do's ([kv.ErrAlreadyExists], [kv.ErrWrongVersion]) that is returned, wrapped or
// not. It cannot make a success of a failure: when it returns nil, the call returns what do did, and [kv.ErrUncertain]
// if do has not returned.
//
// Arguments are checked before: of a call that is [kv.ErrInvalid] for all to see, a nil ctx included, it hears nothing. A ctx that is over
// and a storage that is closed are for do to find.
//
// "get lease" and "release lease" have no ctx; the Interceptor is given context.Background, do ignores its own, and
// whatever else is done must keep to the contract's 5 seconds. The do of "wait" lasts as long as the wait. That of "watch range" lasts
// as long as the watch and yields its events, on the goroutine that it is called on, so it must have returned before the
// Interceptor does; afterwards it yields nothing. It returns nil if the caller stopped ranging.
type Interceptor func(ctx context.Context, c Call, do func(context.Context) error) error
