package otelcoord

import (
	"testing"

	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/observe/otelcoord"
)

// An observed storage is as good as the one beneath.
func TestConformance(t *testing.T) {
	o, err := otelcoord.New(&otelcoord.Options{
		TracerProvider: sdktrace.NewTracerProvider(),
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader())),
	})
	require.NoError(t, err)
	closed := func(t testing.TB, st *memory.Storage) kv.Storage {
		t.Cleanup(func() { require.NoError(t, st.Close()) })
		return st
	}
	memories := kvtest.Backend{
		New:      func(t testing.TB) kv.Storage { return closed(t, memory.New(nil)) },
		Second:   func(t testing.TB, st kv.Storage) kv.Storage { return closed(t, st.(*memory.Storage).Connect()) },
		FakeTime: true,
		MinTTL:   1,
	}
	kvtest.Run(t, memories.Wrap(func(st kv.Storage) kv.Storage { return o.Storage(st) }))
}
