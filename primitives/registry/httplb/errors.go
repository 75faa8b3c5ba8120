package httplb

import (
	"errors"
	"fmt"

	"github.com/coordkit/coord/primitives/registry"
)

// ErrNone is that there is nobody to send the request to. The error is a *NoneError. A gateway answers it with 503.
var ErrNone = errors.New("no instance takes requests")

// Error is an attempt that has failed: the last one, if there were several.
type Error struct {
	// Service, ID and Address are where the request was sent to.
	Service, ID, Address string
	Err                  error
}

// Error names the instance and the cause.
func (e *Error) Error() string {
	return fmt.Sprintf("instance %q of service %q at %s: %v", e.ID, e.Service, e.Address, e.Err)
}

// Unwrap returns the base transport's error.
func (e *Error) Unwrap() error { return e.Err }

// Timeout reports whether the cause is a timeout. Package net/url asks for it.
func (e *Error) Timeout() bool {
	var t interface{ Timeout() bool }
	return errors.As(e.Err, &t) && t.Timeout()
}

// NoneError says why there is nobody.
type NoneError struct {
	Service string
	// Health is Never if nothing is known of the service, and otherwise says how far what is known can be relied on.
	Health registry.Health
	// Registered is how many instances there are, none of which can take the request.
	Registered int
	// Err is why the store does not answer, if it does not and has said why; or what the picker has said.
	Err error
}

// Error names the service and the cause.
func (e *NoneError) Error() string {
	s := fmt.Sprintf("no instance of service %q takes requests: ", e.Service)
	switch {
	case e.Health == registry.Never:
		s += "the store has not answered"
	case e.Registered == 0:
		s += "none is registered"
	default:
		s += fmt.Sprintf("%d registered, none suits", e.Registered)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Is says that the error is ErrNone.
func (e *NoneError) Is(target error) bool { return target == ErrNone }

// Unwrap returns the cause, if there is one to tell.
func (e *NoneError) Unwrap() error { return e.Err }
