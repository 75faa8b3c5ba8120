//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"

	"github.com/coordkit/coord/cmd/coord/internal/child"
	"github.com/coordkit/coord/cmd/coord/internal/local"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/mutex"
)

// The exit codes that are coord's own; those of sysexits(3) mean what they mean there.
const (
	exitNo          = 1 // the answer is no: not held, not there, another token or version
	exitUsage       = 64
	exitUnavailable = 69
	exitNotAcquired = 75
	exitLost        = 76
	exitConfig      = 78
	exitFailed      = 125 // coord itself failed
)

// exitError ends the command with a code. Without Err nothing is printed: the code says it, or a child has.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func exit(code int, err error) error { return &exitError{code, err} }

// usageError is a mistake in how the command was called: the usage is shown with it.
func usageError(format string, args ...any) error {
	return exit(exitUsage, fmt.Errorf(format, args...))
}

// codeOf is the exit code that an error asks for; other is for what is none of the errors known here.
func codeOf(err error, other int) int {
	var e *exitError
	var look *child.LookError
	var store *local.Error
	var record *election.RecordError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &e):
		return e.code
	case errors.As(err, &look):
		return look.Code
	case errors.As(err, &store):
		return store.ExitCode()
	case errors.As(err, &record):
		return exitFailed
	case errors.Is(err, mutex.ErrNotHeld):
		return exitNo
	case forbidden(err):
		return exitConfig
	case errors.Is(err, kv.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		return exitUnavailable
	case errors.Is(err, kv.ErrInvalid):
		return exitConfig
	}
	return other
}

// forbidden says whether the store refuses who asks: wrong credentials, or no right to the keys.
func forbidden(err error) bool {
	if errors.Is(err, rpctypes.ErrAuthFailed) || errors.Is(err, rpctypes.ErrUserEmpty) {
		return true
	}
	var e rpctypes.EtcdError
	return errors.As(err, &e) && (e.Code() == codes.PermissionDenied || e.Code() == codes.Unauthenticated)
}
