package memory_test

import (
	"iter"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
)

// Where a value is kept depends on its length; that nothing returned is written over does not.
func TestWhatWasToldIsNotWrittenOver(t *testing.T) {
	for n := range 300 {
		st := memory.New(nil)
		next, stop := iter.Pull2(st.WatchRange(t.Context(), "", "\xff"))
		told := func() string {
			ev, err, ok := next()
			require.True(t, ok && err == nil && len(ev.Puts) == 1, "the watch tells %v, %v", ev, err)
			return string(ev.Puts[0].Value)
		}
		one, two, three := strings.Repeat("1", n), strings.Repeat("2", n), strings.Repeat("3", n)
		v, err := st.Create(t.Context(), kv.Record{Key: "k", Value: kv.Value(one)})
		require.NoError(t, err)
		require.Equal(t, one, told())
		got, err := st.Get(t.Context(), "k")
		require.NoError(t, err)
		recs, err := st.GetRange(t.Context(), "k", "k")
		require.NoError(t, err)
		_, last, _, err := st.Append(t.Context(), kv.Record{Key: "l", Value: kv.Value(one)}, "k", "k")
		require.NoError(t, err)
		require.Equal(t, one, told())
		own, prev, err := st.ReadPlace(t.Context(), "l", math.MaxInt64, "k", "k")
		require.NoError(t, err)
		other, err := st.WaitForVersionChange(t.Context(), "k", v-1)
		require.NoError(t, err)
		_, err = st.CasByVersion(t.Context(), kv.Record{Key: "l", Value: kv.Value(two), Version: own.Version})
		require.NoError(t, err)
		require.Equal(t, two, told())
		for _, value := range []string{two, three} {
			v, err = st.CasByVersion(t.Context(), kv.Record{Key: "k", Value: kv.Value(value), Version: v})
			require.NoError(t, err)
		}
		require.Equal(t, two, told())
		require.Equal(t, three, told())
		require.Equal(t, one, string(got.Value), "from Get")
		require.Equal(t, one, string(recs[0].Value), "from GetRange")
		require.Equal(t, one, string(last.Value), "from Append")
		require.Equal(t, one, string(own.Value), "from ReadPlace, the record")
		require.Equal(t, one, string(prev.Value), "from ReadPlace, the one before it")
		require.Equal(t, one, string(other.Value), "from WaitForVersionChange")
		got, err = st.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, three, string(got.Value))
		stop()
		require.NoError(t, st.Close())
	}
}
