package memory_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
)

func backend() kvtest.Backend {
	closed := func(t *testing.T, st *memory.Storage) kv.Storage {
		t.Cleanup(func() { require.NoError(t, st.Close()) })
		return st
	}
	return kvtest.Backend{
		New: func(t *testing.T) kv.Storage { return closed(t, memory.New(nil)) },
		Second: func(t *testing.T, st kv.Storage) kv.Storage {
			return closed(t, st.(*memory.Storage).Connect())
		},
		FakeTime: true,
		MinTTL:   1,
	}
}

func TestConformance(t *testing.T) { kvtest.Run(t, backend()) }
