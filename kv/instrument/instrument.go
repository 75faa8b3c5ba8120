// Package instrument decorates a storage so that a hook sees each call begin and end, for metrics and traces.
//
//	st := instrument.Wrap(store, func(ctx context.Context, c intercept.Call) (context.Context, instrument.End) {
//		ctx, span := tracer.Start(ctx, c.Op)
//		return ctx, func(err error, took time.Duration) {
//			latency.Record(ctx, took.Seconds())
//			span.End()
//		}
//	})
package instrument

import (
	"context"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
)

// Hook is told of a call before it is made. The ctx that it returns is the call's from then on: it carries a span to the storage
// beneath, and is derived from the one given; nil leaves it as it is. The End that it returns is called when the call ends; it
// may be nil.
//
// Hooks run on the caller's goroutine, by many at once. What they take is added to the call, so they must not block.
//
// "wait" and "watch range" last until something happens, or until the caller has enough: what they take tells nothing of the store's
// speed. A "watch range" begins when it is ranged over, and its events are not told. The calls without a ctx, "get lease" and
// "release lease", are told with context.Background.
type Hook func(ctx context.Context, c intercept.Call) (context.Context, End)

// End is told what a call came to, nil for success, and how long it took. Answers such as [kv.ErrNotFound] and the end of ctx are
// errors too: which of them count as failures is the hook's to decide.
type End func(err error, took time.Duration)

// Wrap returns st with hook told of every call. A nil hook is told nothing.
func Wrap(st kv.Storage, hook Hook) *intercept.Storage {
	return intercept.Wrap(st, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
		if hook == nil {
			return do(ctx)
		}
		return told(ctx, c, hook, do)
	})
}

// told makes the call between the hook and its End, which is called also when the caller of a watch panics while it ranges.
func told(ctx context.Context, c intercept.Call, hook Hook, do func(context.Context) error) (err error) {
	derived, end := hook(ctx, c)
	if derived == nil {
		derived = ctx
	}
	if end != nil {
		begun := time.Now()
		defer func() { end(err, time.Since(begun)) }()
	}
	return do(derived)
}
