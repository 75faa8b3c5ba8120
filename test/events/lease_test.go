package events

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv/fault"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

func TestLeaseGrantedTellsHowLongTheCallTook(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		s, heard := open(t, fault.New(st, 1, fault.Faults{DelayAtLeast: time.Second, DelayAtMost: time.Second}), session.Options{})
		require.NoError(t, s.Ready(t.Context()))
		require.Equal(t, time.Second, heard.only(t, session.LeaseGranted).Took)
	})
}

func TestALateRenewalIsToldWhenItIsLateAndWhenItComes(t *testing.T) {
	inBubble(t, func(t *testing.T, store *memory.Storage) {
		st := store.Connect()
		s, heard := open(t, st, session.Options{})
		require.NoError(t, s.Ready(t.Context()))
		time.Sleep(10 * time.Minute)
		require.Equal(t, "lease granted", heard.kinds(), "renewals in time are not told")
		st.SetConnected(false)
		time.Sleep(10 * time.Second)
		late := heard.only(t, session.LeaseLate)
		require.Equal(t, ttl/2, late.Took)
		st.SetConnected(true)
		time.Sleep(time.Second)
		renewed := heard.only(t, session.LeaseRenewed)
		require.InDelta(t, 10, renewed.Took.Seconds(), ttl.Seconds()/20)
		time.Sleep(10 * time.Minute)
		require.Equal(t, "lease granted, lease late, lease renewed", heard.kinds())
		require.NoError(t, s.Close(t.Context()))
		require.NoError(t, st.Close())
	})
}

func TestALossOfTheLeaseIsToldAfterAllHolds(t *testing.T) {
	inBubble(t, func(t *testing.T, store *memory.Storage) {
		st := store.Connect()
		s, heard := open(t, st, session.Options{})
		for _, name := range []string{"a", "b"} {
			_, err := mutex.New(s, name, nil).Lock(t.Context())
			require.NoError(t, err)
		}
		st.SetConnected(false)
		time.Sleep(ttl)
		synctest.Wait()
		require.Equal(t, "lease granted, joined, acquired, joined, acquired, lease late, lost, lost, lease lost", heard.kinds())
		require.ErrorIs(t, heard.only(t, session.LeaseLost).Err, session.ErrLost)
		require.NoError(t, s.Close(t.Context()))
		require.NoError(t, st.Close())
	})
}

func TestClosingASessionReleasesWhatIsHeldAndLosesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		s, heard := open(t, st, session.Options{})
		_, err := mutex.New(s, "m", nil).Lock(t.Context())
		require.NoError(t, err)
		time.Sleep(time.Minute)
		require.NoError(t, s.Close(t.Context()))
		require.Equal(t, "lease granted, joined, acquired, released", heard.kinds())
		require.Equal(t, time.Minute, heard.only(t, session.Released).Took)
	})
}
