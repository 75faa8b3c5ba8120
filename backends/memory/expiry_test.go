package memory_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
)

func TestLeasesThatEndTogetherEndInTheOrderOfTheirGrants(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		cut := store.Connect()
		defer cut.Close()
		var want, gone []kv.Key
		for i := range 20 {
			l, err := cut.Lessor().NewLease(t.Context(), time.Second, true)
			require.NoError(t, err)
			key := kv.Key(strconv.Itoa(i))
			_, err = cut.Create(t.Context(), kv.Record{Key: key, Lease: l.Id()})
			require.NoError(t, err)
			want = append(want, key)
		}
		cut.SetConnected(false) // from now they run out
		for ev, err := range store.WatchRange(t.Context(), "", "\xff") {
			require.NoError(t, err)
			if gone = append(gone, ev.Deletes...); len(gone) == len(want) {
				break
			}
		}
		require.Equal(t, want, gone)
	})
}
