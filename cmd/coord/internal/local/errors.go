//go:build unix

package local

import "fmt"

// The exit codes of the command that an Error asks for, as sysexits(3) has them.
const (
	Unavailable = 69 // the store cannot be reached, opened or read
	Config      = 78 // something about the user's environment has to be changed first
)

// An Error is why the local store cannot be had.
type Error struct {
	Code int    // Unavailable or Config
	Text string // what was wanted, in words for the user
	Err  error  // cause; may be nil
}

// Error returns the text and the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return "local store: " + e.Text
	}
	return fmt.Sprintf("local store: %s: %v", e.Text, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ExitCode returns the code the command should end with.
func (e *Error) ExitCode() int { return e.Code }

func unavailable(err error, format string, args ...any) *Error {
	return &Error{Code: Unavailable, Text: fmt.Sprintf(format, args...), Err: err}
}

func misconfigured(err error, format string, args ...any) *Error {
	return &Error{Code: Config, Text: fmt.Sprintf(format, args...), Err: err}
}
