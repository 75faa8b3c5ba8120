package kv

import (
	"errors"
	"fmt"
	"strconv"
)

// The contract's errors. Test for them with errors.Is; a failed call wraps them in an [*OpError].
var (
	// ErrAlreadyExists: Create found a record at the key.
	ErrAlreadyExists = errors.New("already exists")
	// ErrNotFound: there is no record at the key.
	ErrNotFound = errors.New("not found")
	// ErrWrongVersion: the record's version is not the one compared with.
	ErrWrongVersion = errors.New("wrong version")
	// ErrWrongLeaseId: the store has no such lease; it never had, or the lease is over.
	ErrWrongLeaseId = errors.New("no such lease")
)

// What else can go wrong with any store.
var (
	// ErrClosed: the storage was closed, before the call or while it waited.
	ErrClosed = errors.New("storage is closed")
	// ErrInvalid: an argument is not what the method's comment asks for. Nothing was sent.
	ErrInvalid = errors.New("invalid argument")
	// ErrTooLarge: a key longer than MaxKeyLen or a value longer than MaxValueLen. It is an ErrInvalid too.
	ErrTooLarge = fmt.Errorf("%w: too large", ErrInvalid)
	// ErrUnavailable: the store cannot be reached or cannot serve now. Nothing was changed, unless the error is
	// ErrUncertain too.
	ErrUnavailable = errors.New("store unavailable")
	// ErrUncertain: a write was, or may have been, sent and its answer is unknown. It may have taken effect, and may yet.
	ErrUncertain = errors.New("outcome unknown")
)

// OpError says which operation failed on which key, and why. Every failed call of a Storage, a Lessor or a Lease
// returns one.
type OpError struct {
	// Op is the operation: "create", "get", "get range", "cas", "delete", "wait", "append", "read place", "watch range",
	// "new lease", "get lease", "release lease".
	Op string
	// Key is the key, the start of the range, or empty for a lease.
	Key Key
	// Err is the cause; it wraps one of this package's errors where one fits, and the backend's own.
	Err error
}

// Error returns the operation, the key in quotes and the cause.
func (e *OpError) Error() string {
	if e.Key == "" {
		return e.Op + ": " + e.Err.Error()
	}
	return e.Op + " " + strconv.Quote(string(e.Key)) + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *OpError) Unwrap() error { return e.Err }
