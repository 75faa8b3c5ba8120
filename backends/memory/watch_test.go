package memory_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
)

func TestAReaderTooFarBehindGetsTheRangeAnew(t *testing.T) {
	st := memory.New(nil)
	defer st.Close()
	seen, resets, last := map[kv.Key]kv.Version{}, 0, kv.Version(0)
	for ev, err := range st.WatchRange(t.Context(), "", "\xff") {
		require.NoError(t, err)
		if ev.Reset {
			clear(seen)
			resets++
		}
		for _, key := range ev.Deletes {
			delete(seen, key)
		}
		for _, r := range ev.Puts {
			seen[r.Key] = r.Version
		}
		if last == 0 {
			last = outrun(t, st) // while the reader is busy
		} else if ev.Version >= last {
			break
		}
	}
	require.Equal(t, 2, resets)
	there := map[kv.Key]kv.Version{}
	all, err := st.GetRange(t.Context(), "", "\xff")
	require.NoError(t, err)
	for _, r := range all {
		there[r.Key] = r.Version
	}
	require.Equal(t, there, seen)
}

// outrun makes more steps than the store keeps for a reader, and returns the last one's version.
func outrun(t *testing.T, st *memory.Storage) (last kv.Version) {
	t.Helper()
	for i := range 3000 {
		key := kv.Key(strconv.Itoa(i))
		v, err := st.Create(t.Context(), kv.Record{Key: key})
		require.NoError(t, err)
		if i%3 == 0 {
			require.NoError(t, st.Delete(t.Context(), key))
		}
		last = v
	}
	return last
}
