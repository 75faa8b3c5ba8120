package otelcoord

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/observe/otelcoord"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/semaphore"
	"github.com/coordkit/coord/primitives/session"
)

const ttl = 15 * time.Second

// process is one that is observed, in fake time.
type process struct {
	*otelcoord.Observer
	store  *memory.Storage // what others use
	cut    *memory.Storage // the process's own handle
	st     kv.Storage      // the same, observed
	reader *sdkmetric.ManualReader
	spans  *tracetest.SpanRecorder
}

// observed runs body with a process.
func observed(t *testing.T, name func(primitive, name string) string, body func(t *testing.T, p *process)) {
	bubble.Test(t, func(t *testing.T) {
		p := &process{store: memory.New(nil), reader: sdkmetric.NewManualReader(), spans: tracetest.NewSpanRecorder()}
		p.cut = p.store.Connect()
		var err error
		p.Observer, err = otelcoord.New(&otelcoord.Options{
			TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(p.spans)),
			MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(p.reader)),
			Name:           name,
		})
		require.NoError(t, err)
		p.st = p.Storage(p.cut)
		body(t, p)
		require.NoError(t, p.cut.Close())
		require.NoError(t, p.store.Close())
	})
}

func (p *process) collect(t *testing.T) []metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, p.reader.Collect(context.Background(), &all))
	require.Len(t, all.ScopeMetrics, 1)
	return all.ScopeMetrics[0].Metrics
}

// live has everything happen that is measured, and ends it all.
func (p *process) live(t *testing.T) {
	ctx := t.Context()
	s := session.New(p.st, p.Session(&session.Options{TTL: ttl}))
	other := session.New(p.store, &session.Options{TTL: ttl})

	held, err := mutex.New(other, "m", nil).Lock(ctx)
	require.NoError(t, err)
	_, err = mutex.New(s, "m", nil).TryLock(ctx)
	require.ErrorIs(t, err, mutex.ErrLocked)
	time.AfterFunc(time.Minute, func() { _ = held.Unlock(ctx) })
	mine, err := mutex.New(s, "m", nil).Lock(ctx)
	require.NoError(t, err)
	require.NoError(t, mine.Unlock(ctx))
	require.NoError(t, semaphore.New(s, "sem", 2, nil).Do(ctx, 2, func(context.Context, *semaphore.Permit) error { return nil }))
	_, err = election.New(s, "e", nil).Campaign(ctx)
	require.NoError(t, err)

	r := registry.New(p.st, p.Registry(&registry.Options{TTL: ttl}))
	g, err := r.Register(ctx, registry.Instance{Service: "svc", ID: "i"})
	require.NoError(t, err)
	v := r.View("svc")
	_, err = v.WaitFor(ctx, 1)
	require.NoError(t, err)
	time.Sleep(time.Minute)

	p.cut.SetConnected(false) // late, and renewed again
	time.Sleep(9 * time.Second)
	p.cut.SetConnected(true)
	time.Sleep(time.Minute)
	p.cut.SetConnected(false) // lost, and back
	time.Sleep(time.Minute)
	p.stale(t)
	p.cut.SetConnected(true)
	time.Sleep(time.Minute)
	require.NoError(t, g.Close(ctx))
	require.NoError(t, r.Close(ctx))
	require.NoError(t, s.Close(ctx))
	require.NoError(t, other.Close(ctx))
	synctest.Wait()
}

// stale checks the gauges in the middle of an outage.
func (p *process) stale(t *testing.T) {
	for _, m := range p.collect(t) {
		switch m.Name {
		case "coord.registry.views.stale":
			require.Equal(t, int64(1), sum(m), m.Name)
		case "coord.registry.views.live", "coord.registry.instances", "coord.holds", "coord.waiters":
			require.Zero(t, sum(m), m.Name)
		}
	}
}

// sum is that of a counter or a gauge.
func sum(m metricdata.Metrics) int64 {
	total := int64(0)
	for _, point := range m.Data.(metricdata.Sum[int64]).DataPoints {
		total += point.Value
	}
	return total
}
