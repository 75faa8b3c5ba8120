package registry

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/coordkit/coord/kv"
)

var (
	// ErrDuplicate: another instance of that ID is registered. The error is a *DuplicateError.
	ErrDuplicate = errors.New("instance ID in use")
	// ErrNoInstance: no instance of that ID is registered.
	ErrNoInstance = errors.New("no such instance")
)

// Error is a failed operation on a registry.
type Error struct {
	// Op is "register", "update", "close", "drain", "undrain", "view", "lookup" or "list".
	Op string
	// Service is the service's name; empty for "list" and for the close of a registry. ID is the instance's where one is meant.
	Service, ID string
	Err         error
}

// Error returns the operation, what it was on, and the cause.
func (e *Error) Error() string {
	s := e.Op
	if e.Service != "" {
		s += " " + strconv.Quote(e.Service)
	}
	if e.ID != "" {
		s += " instance " + strconv.Quote(e.ID)
	}
	return s + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// DuplicateError says who has the ID. It is ErrDuplicate.
type DuplicateError struct {
	// Holder is the instance that is registered under the ID. Only its Service, ID, Key and Revision are known if its record cannot be
	// read; Err says why.
	Holder *Instance
	Err    error
}

// Error names the process that has the ID.
func (e *DuplicateError) Error() string {
	s := fmt.Sprintf("instance ID %q in use", e.Holder.ID)
	switch {
	case e.Err != nil:
		s += ": " + e.Err.Error()
	case e.Holder.Owner.Name != "":
		s += fmt.Sprintf(" by %s (%s)", e.Holder.Owner.Name, e.Holder.Owner.Program)
	}
	return s
}

// Is says that the error is ErrDuplicate.
func (e *DuplicateError) Is(target error) bool { return target == ErrDuplicate }

// Unwrap returns why the holder's record cannot be read, if it cannot.
func (e *DuplicateError) Unwrap() error { return e.Err }

// RecordError says that the record of an instance cannot be read. Readers leave it out, and count and show it.
type RecordError struct {
	Key kv.Key
	Err error
}

// Error names the record and what is wrong with it.
func (e *RecordError) Error() string {
	return fmt.Sprintf("instance record %q cannot be read: %v", e.Key, e.Err)
}

// Unwrap returns the cause.
func (e *RecordError) Unwrap() error { return e.Err }
