package fence

import (
	"errors"
	"fmt"

	"github.com/coordkit/coord/kv"
)

// Test with errors.Is; the errors at hand say more.
var (
	// ErrStale: the token is lower than one that the resource has seen, so whoever uses it holds the lock no longer. Nothing was
	// written. The error is a *StaleError. Trying again cannot help: stop, and ask for the lock anew.
	ErrStale = errors.New("stale fencing token")
	// ErrFormat: the record is not one that Update has written, or it is of a later format. It was left as it is. The
	// error is a *FormatError.
	ErrFormat = errors.New("not a fenced record")
)

// StaleError tells both tokens of a refusal. It is ErrStale.
type StaleError struct {
	// Token is the one that was refused.
	Token kv.Version
	// Highest is the highest one that the resource had seen: that of a later holder.
	Highest kv.Version
}

// Error tells both tokens.
func (e *StaleError) Error() string {
	return fmt.Sprintf("%v %d: %d has been seen", ErrStale, e.Token, e.Highest)
}

// Is says that the error is ErrStale.
func (e *StaleError) Is(target error) bool { return target == ErrStale }

// FormatError says why a record cannot be read. It is ErrFormat.
type FormatError struct {
	// Version is the record's, for a repair with CasByVersion.
	Version kv.Version
	// Err is what is wrong with its value.
	Err error
}

// Error tells what is wrong with the value.
func (e *FormatError) Error() string { return ErrFormat.Error() + ": " + e.Err.Error() }

// Is says that the error is ErrFormat.
func (e *FormatError) Is(target error) bool { return target == ErrFormat }

// Unwrap returns what is wrong with the value.
func (e *FormatError) Unwrap() error { return e.Err }

func validateToken(token kv.Version) error {
	if token <= 0 {
		return fmt.Errorf("%w: fencing token %d is not positive", kv.ErrInvalid, token)
	}
	return nil
}
