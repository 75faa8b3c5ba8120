package memory_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
)

func backend() kvtest.Backend {
	closed := func(t testing.TB, st *memory.Storage) kv.Storage {
		t.Cleanup(func() { require.NoError(t, st.Close()) })
		return st
	}
	return kvtest.Backend{
		New: func(t testing.TB) kv.Storage { return closed(t, memory.New(nil)) },
		Second: func(t testing.TB, st kv.Storage) kv.Storage {
			return closed(t, st.(*memory.Storage).Connect())
		},
		FakeTime: true,
		MinTTL:   1,
	}
}

func TestConformance(t *testing.T) { kvtest.Run(t, backend()) }

func TestConformanceOfThePureContract(t *testing.T) { kvtest.Run(t, backend().Wrap(kvtest.Hide)) }

func TestHiddenCapabilitiesAreNotFound(t *testing.T) {
	st := memory.New(nil)
	defer st.Close()
	_, appends := kv.As[kv.Appender](kvtest.Hide(st))
	_, places := kv.As[kv.PlaceReader](kvtest.Hide(st))
	_, watches := kv.As[kv.RangeWatcher](kvtest.Hide(st))
	require.False(t, appends || places || watches, "As found a capability beneath Hide")
	_, appends = kv.As[kv.Appender](st)
	_, places = kv.As[kv.PlaceReader](st)
	_, watches = kv.As[kv.RangeWatcher](st)
	require.True(t, appends && places && watches, "As did not find the capabilities of memory")
}
