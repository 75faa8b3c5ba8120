package otelcoord

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/instrument"
	"github.com/coordkit/coord/kv/intercept"
)

// The attributes of metrics and spans.
const (
	operationKey = attribute.Key("coord.operation")
	primitiveKey = attribute.Key("coord.primitive")
	nameKey      = attribute.Key("coord.name")
	outcomeKey   = attribute.Key("coord.outcome")
	errorKey     = attribute.Key("error.type")

	// Of spans only.
	storeKeyKey = attribute.Key("coord.key")
	tokenKey    = attribute.Key("coord.token")
	aheadKey    = attribute.Key("coord.queue.ahead")
	sharedKey   = attribute.Key("coord.shared")
	weightKey   = attribute.Key("coord.weight")
)

// Storage returns st with each of its calls measured and traced. Waits and watches last until something happens: they are counted while they
// are open, and have a span only within one of the caller's.
func (o *Observer) Storage(st kv.Storage) *intercept.Storage { return instrument.Wrap(st, o.call) }

func (o *Observer) call(ctx context.Context, c intercept.Call) (context.Context, instrument.End) {
	operation := operationKey.String(c.Op)
	waits := c.Op == intercept.OpWait || c.Op == intercept.OpWatchRange
	var span trace.Span
	if !waits || trace.SpanContextFromContext(ctx).IsValid() {
		ctx, span = o.tracer.Start(ctx, "coord "+c.Op, trace.WithSpanKind(trace.SpanKindClient),
			trace.WithAttributes(operation, storeKeyKey.String(string(c.Key))))
	}
	if waits {
		o.storageWaits.Add(ctx, 1, metric.WithAttributes(operation))
	}
	return ctx, func(err error, took time.Duration) {
		kind := errorType(err)
		if span != nil {
			endSpan(span, err, kind)
		}
		if waits {
			o.storageWaits.Add(ctx, -1, metric.WithAttributes(operation))
			return
		}
		attrs := []attribute.KeyValue{operation}
		if kind != "" {
			attrs = append(attrs, errorKey.String(kind))
		}
		o.storageCalls.Record(ctx, took.Seconds(), metric.WithAttributes(attrs...))
	}
}

func endSpan(span trace.Span, err error, kind string) {
	if kind != "" {
		span.SetAttributes(errorKey.String(kind))
	}
	if err != nil && !isAnswer(err) {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}

// answers are errors that are the store's word on what there is, and no failure of the call.
var answers = []error{kv.ErrNotFound, kv.ErrAlreadyExists, kv.ErrWrongVersion}

func isAnswer(err error) bool { return isOneOf(err, answers) || errors.Is(err, context.Canceled) }

func isOneOf(err error, those []error) bool {
	for _, e := range those {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// errorType is what kind of error it is, in few words of a closed list; empty for none.
func errorType(err error) string {
	if err == nil {
		return ""
	}
	for _, e := range []struct {
		is   error
		word string
	}{
		{kv.ErrUncertain, "uncertain"}, // before ctx's errors, which may be its reason
		{context.Canceled, "canceled"},
		{context.DeadlineExceeded, "deadline_exceeded"},
		{kv.ErrNotFound, "not_found"},
		{kv.ErrAlreadyExists, "already_exists"},
		{kv.ErrWrongVersion, "wrong_version"},
		{kv.ErrWrongLeaseId, "wrong_lease"},
		{kv.ErrUnavailable, "unavailable"},
		{kv.ErrClosed, "closed"},
		{kv.ErrInvalid, "invalid"},
		{kv.ErrTooLarge, "too_large"},
	} {
		if errors.Is(err, e.is) {
			return e.word
		}
	}
	return "_OTHER"
}
