package otelcoord

import (
	"fmt"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
)

// scope is the instrumentation scope of all that is made here.
const scope = "github.com/coordkit/coord/observe/otelcoord"

// Options are the settings of an Observer. Nil and zero fields mean the defaults.
type Options struct {
	// TracerProvider and MeterProvider are where spans and measurements go; default the global ones.
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider

	// Name says what the attribute coord.name of a metric is for the lock, semaphore, election or service of that name: primitive is "mutex",
	// "semaphore", "election" or "registry". Empty is no attribute. Default none at all: each name makes time series of its own, and
	// names that come from requests make them without end. Spans have the name always.
	Name func(primitive, name string) string
}

// Observer turns what it is told into spans and measurements. All methods are safe for concurrent use; one for a process is enough.
type Observer struct {
	tracer trace.Tracer
	name   func(primitive, name string) string
	instruments
}

// New returns an observer. The error is the meter's, for an instrument that it refuses.
func New(opts *Options) (*Observer, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.TracerProvider == nil {
		o.TracerProvider = otel.GetTracerProvider()
	}
	if o.MeterProvider == nil {
		o.MeterProvider = otel.GetMeterProvider()
	}
	if o.Name == nil {
		o.Name = func(string, string) string { return "" }
	}
	ob := &Observer{tracer: o.TracerProvider.Tracer(scope), name: o.Name}
	if err := ob.instruments.make(o.MeterProvider.Meter(scope)); err != nil {
		return nil, fmt.Errorf("otelcoord: %w", err)
	}
	return ob, nil
}
