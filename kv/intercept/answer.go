package intercept

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/coordkit/coord/kv"
)

// errNoAnswer is what a call comes to whose interceptor returned nil without an answer of the store.
var errNoAnswer = fmt.Errorf("%w: the interceptor returned nil before the call did", kv.ErrUncertain)

// answer is what a call brings back. It is taken once, when the interceptor has returned; what comes later reaches nobody.
type answer[T any] struct {
	drop func(T) // takes back a success that nobody will hear of; may be nil

	mu    sync.Mutex
	value T
	err   error
	came  bool
	taken bool
}

// call makes a call through the interceptor.
func (a *answer[T]) call(ctx context.Context, s *Storage, c Call, do func(context.Context) (T, error)) (T, error) {
	err := s.f(ctx, c, func(ctx context.Context) error {
		value, err := do(ctx)
		a.come(value, err)
		return err
	})
	value, err := a.take(err)
	return value, opError(c, err)
}

func (a *answer[T]) come(value T, err error) {
	a.mu.Lock()
	late := a.taken
	if !late {
		a.value, a.err, a.came = value, err, true
	}
	a.mu.Unlock()
	if late && err == nil {
		a.dropped(value)
	}
}

// take returns what the caller gets. verdict is what the interceptor returned.
func (a *answer[T]) take(verdict error) (T, error) {
	a.mu.Lock()
	a.taken = true
	value, err, came := a.value, a.err, a.came
	a.mu.Unlock()
	var none T
	switch {
	case verdict == nil && !came:
		return none, errNoAnswer
	case verdict == nil:
		return value, err
	case !came:
		return none, verdict
	case err == nil:
		a.dropped(value)
		return none, verdict
	case errors.Is(verdict, err):
		return value, verdict // a version, or zero
	}
	return none, verdict
}

func (a *answer[T]) dropped(value T) {
	if a.drop != nil {
		a.drop(value)
	}
}

// call makes a call of which nothing need be taken back.
func call[T any](ctx context.Context, s *Storage, c Call, do func(context.Context) (T, error)) (T, error) {
	return new(answer[T]).call(ctx, s, c, do)
}

// callOnly makes a call that brings nothing but an error.
func callOnly(ctx context.Context, s *Storage, c Call, do func(context.Context) error) error {
	_, err := call(ctx, s, c, func(ctx context.Context) (struct{}, error) { return struct{}{}, do(ctx) })
	return err
}

// opError says what failed on which key, if err does not; nil stays nil.
func opError(c Call, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := err.(*kv.OpError); ok {
		return err
	}
	return &kv.OpError{Op: c.Op, Key: c.Key, Err: err}
}

// invalid returns the first mistake in a call's arguments: a nil ctx, or what the argument is guilty of.
func invalid(ctx context.Context, c Call, argument error) error {
	if err := kv.ValidateContext(ctx); err != nil {
		return opError(c, err)
	}
	return opError(c, argument)
}
