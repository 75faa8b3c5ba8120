package boltkv_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/test/boltkv"
)

func TestConformance(t *testing.T) { kvtest.Run(t, backend()) }

func backend() kvtest.Backend {
	return kvtest.Backend{
		New: func(t testing.TB) kv.Storage { return open(t, filepath.Join(t.TempDir(), "store")) },
		Second: func(t testing.TB, st kv.Storage) kv.Storage {
			far, err := st.(*boltkv.Storage).Connect()
			require.NoError(t, err)
			return closed(t, far)
		},
		FakeTime: true,
		MinTTL:   100 * time.Millisecond,
	}
}

// open opens a store, and closes it at the test's end.
func open(t testing.TB, path string) *boltkv.Storage {
	t.Helper()
	st, err := boltkv.Open(path, &boltkv.Options{NoSync: true})
	require.NoError(t, err)
	return closed(t, st)
}

func closed(t testing.TB, st *boltkv.Storage) *boltkv.Storage {
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	return st
}
