package otelcoord

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/semaphore"
	"github.com/coordkit/coord/primitives/session"
)

// Session returns a copy of the options, nil being the defaults, with hooks that tell the observer. Hooks that they have already are called, too.
func (o *Observer) Session(opts *session.Options) *session.Options {
	var with session.Options
	if opts != nil {
		with = *opts
	}
	with.OnEvent = both(o.OnEvent, with.OnEvent)
	ask := with.OnAsk
	with.OnAsk = func(ctx context.Context, e session.Event) context.Context {
		if ask != nil {
			if derived := ask(ctx, e); derived != nil {
				ctx = derived
			}
		}
		return o.OnAsk(ctx, e)
	}
	return &with
}

// Registry is Session for the options of a registry.
func (o *Observer) Registry(opts *registry.Options) *registry.Options {
	var with registry.Options
	if opts != nil {
		with = *opts
	}
	with.OnEvent = both(o.OnEvent, with.OnEvent)
	return &with
}

func both(first, second func(session.Event)) func(session.Event) {
	if second == nil {
		return first
	}
	return func(e session.Event) {
		first(e)
		second(e)
	}
}

// waitKey is where the ctx of an ask has its span.
type waitKey struct{}

// OnAsk is for session.Options: it begins the span of a wait, in which the calls to the store have theirs.
func (o *Observer) OnAsk(ctx context.Context, e session.Event) context.Context {
	attrs := []attribute.KeyValue{primitiveKey.String(e.Primitive), nameKey.String(e.Name), sharedKey.Bool(e.Shared)}
	if e.Weight != 0 {
		attrs = append(attrs, weightKey.Int64(e.Weight))
	}
	ctx, span := o.tracer.Start(ctx, "coord wait "+e.Primitive, trace.WithAttributes(attrs...))
	o.waiting.Add(ctx, 1, o.of(e))
	return context.WithValue(ctx, waitKey{}, span)
}

// of are the attributes that measurements of an event have: its primitive, and its name if Options.Name gives one.
func (o *Observer) of(e session.Event, more ...attribute.KeyValue) metric.MeasurementOption {
	attrs := append(make([]attribute.KeyValue, 0, 4), primitiveKey.String(e.Primitive))
	if name := o.name(e.Primitive, e.Name); name != "" {
		attrs = append(attrs, nameKey.String(name))
	}
	return metric.WithAttributes(append(attrs, more...)...)
}

// OnEvent is for session.Options and registry.Options.
func (o *Observer) OnEvent(e session.Event) {
	ctx := e.Context
	if ctx == nil {
		ctx = context.Background()
	}
	switch e.Kind {
	case session.LeaseGranted:
		o.leaseGrants.Record(ctx, e.Took.Seconds())
	case session.LeaseLate:
		o.leaseLate.Add(ctx, 1)
	case session.LeaseRenewed:
		o.leaseDelays.Record(ctx, e.Took.Seconds())
	case session.LeaseLost:
		o.leaseLosses.Add(ctx, 1)
	case session.Joined, session.Acquired, session.Failed:
		o.asked(ctx, e)
	case session.Released, session.Lost:
		o.ended(ctx, e)
	default:
		o.registry(ctx, e)
	}
}

// asked is told what becomes of an ask.
func (o *Observer) asked(ctx context.Context, e session.Event) {
	span, _ := ctx.Value(waitKey{}).(trace.Span)
	if span == nil {
		span = trace.SpanFromContext(context.Background()) // OnAsk was not called; this one does nothing
	}
	outcome := "acquired"
	switch e.Kind {
	case session.Joined:
		o.queueLengths.Record(ctx, int64(e.Ahead), o.of(e))
		span.AddEvent("joined", trace.WithAttributes(aheadKey.Int(e.Ahead)))
		return
	case session.Acquired:
		if e.Ahead > 0 {
			o.handOvers.Add(ctx, 1, o.of(e))
		}
		o.held.Add(ctx, 1, o.of(e))
		span.SetAttributes(tokenKey.Int64(int64(e.Token)), aheadKey.Int(e.Ahead))
	case session.Failed:
		outcome = outcomeOf(e.Err)
		span.SetAttributes(aheadKey.Int(e.Ahead))
		if outcome == "failed" || outcome == "lost" {
			span.SetStatus(codes.Error, e.Err.Error())
		}
	}
	span.SetAttributes(outcomeKey.String(outcome))
	span.End()
	o.waits.Record(ctx, e.Took.Seconds(), o.of(e, outcomeKey.String(outcome)))
	o.waiting.Add(ctx, -1, o.of(e))
}

// outcomeOf is what came of an ask that failed.
func outcomeOf(err error) string {
	switch {
	case errors.Is(err, session.ErrLost):
		return "lost"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "given_up"
	case errors.Is(err, mutex.ErrLocked), errors.Is(err, semaphore.ErrFull):
		return "refused"
	case errors.Is(err, kv.ErrClosed):
		return "closed"
	}
	return "failed"
}

// ended is told of the end of a hold.
func (o *Observer) ended(ctx context.Context, e session.Event) {
	outcome := "released"
	if e.Kind == session.Lost {
		outcome = "lost"
		o.holdLosses.Add(ctx, 1, o.of(e))
	}
	o.held.Add(ctx, -1, o.of(e))
	o.holds.Record(ctx, e.Took.Seconds(), o.of(e, outcomeKey.String(outcome)))
}
