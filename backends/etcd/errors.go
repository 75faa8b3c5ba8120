package etcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/coordkit/coord/kv"
)

// opError is what every failed call returns; nil stays nil.
func opError(op string, key kv.Key, err error) error {
	if err == nil {
		return nil
	}
	return &kv.OpError{Op: op, Key: key, Err: err}
}

// failure turns what a call to the store ended with into this contract's errors and keeps it as a cause. ctx is the
// caller's; sent says that the request was a write and may have reached a server.
func failure(ctx context.Context, err error, sent bool) error {
	err = rpctypes.Error(err)
	refused := definite(err)
	switch {
	case refused:
		return named(err)
	case ended(ctx, err):
		err = fmt.Errorf("%w: %w", ctx.Err(), err)
	case transient(err):
		err = fmt.Errorf("%w: %w", kv.ErrUnavailable, err)
	default:
		err = named(err)
	}
	if sent {
		err = fmt.Errorf("%w: %w", kv.ErrUncertain, err)
	}
	return err
}

// named wraps the store's answers that the contract has a name for.
func named(err error) error {
	for _, n := range []struct{ from, to error }{
		{rpctypes.ErrLeaseNotFound, kv.ErrWrongLeaseId},
		{rpctypes.ErrRequestTooLarge, kv.ErrTooLarge},
		{rpctypes.ErrLeaseTTLTooLarge, kv.ErrInvalid},
		{rpctypes.ErrNoSpace, kv.ErrUnavailable},
		{rpctypes.ErrTooManyRequests, kv.ErrUnavailable},
	} {
		if errors.Is(err, n.from) {
			return fmt.Errorf("%w: %w", n.to, err)
		}
	}
	return err
}

// ended reports whether ctx is over, or is at its deadline: the deadline travels with the request, and the server may
// notice it a moment before the timer here does.
func ended(ctx context.Context, err error) bool {
	const skew = 100 * time.Millisecond
	if at, ok := ctx.Deadline(); ok && code(err) == codes.DeadlineExceeded && time.Until(at) < skew {
		<-ctx.Done()
	}
	return ctx.Err() != nil
}

// definite reports whether err is a server's answer that it did nothing. A server that is out of space is not among them:
// the request that hits the quota may be applied and answered with the error all the same.
func definite(err error) bool {
	switch code(err) {
	case codes.InvalidArgument, codes.NotFound, codes.AlreadyExists, codes.PermissionDenied, codes.Unauthenticated,
		codes.FailedPrecondition, codes.OutOfRange, codes.Unimplemented:
		return true
	}
	return errors.Is(err, rpctypes.ErrTooManyRequests)
}

// transient reports whether the store could not be reached or could not serve, so that the same request may succeed later.
// DeadlineExceeded and Canceled count: where the caller's ctx is alive, they are the server's own.
func transient(err error) bool {
	switch code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled:
		return true
	}
	return false
}

// refused reports whether the store will not serve this caller, however often it asks.
func refused(err error) bool {
	switch code(err) {
	case codes.PermissionDenied, codes.Unauthenticated, codes.Unimplemented:
		return true
	}
	return errors.Is(err, rpctypes.ErrAuthFailed) || errors.Is(err, rpctypes.ErrUserEmpty)
}

// code returns the gRPC code of err or of what it wraps. etcd's own error type has a method for it, but no gRPC status.
func code(err error) codes.Code {
	var e rpctypes.EtcdError
	if errors.As(err, &e) {
		return e.Code()
	}
	return status.Code(err)
}
