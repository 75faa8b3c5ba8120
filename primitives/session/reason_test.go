package session_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// An operator looks in different places for a lease that somebody has ended and for one that could not be renewed. A hold that is asked before
// the session has noticed says the same as one that is told.
func TestALossTellsALeaseThatWasEndedFromOneThatWasLate(t *testing.T) {
	for _, c := range []struct {
		name, says string
		lose       func(t *testing.T, st, way *memory.Storage, s *session.Session)
	}{
		{"ended by another", "lease over", func(t *testing.T, st, _ *memory.Storage, s *session.Session) {
			lease, err := st.Lessor().GetLease(s.LeaseID())
			require.NoError(t, err)
			require.NoError(t, lease.Release())
		}},
		{"not renewed", "lease not renewed in time", func(_ *testing.T, _, way *memory.Storage, _ *session.Session) {
			way.SetConnected(false)
			time.Sleep(12 * time.Second) // which leaves the margin
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, st *memory.Storage) {
				way := st.Connect()
				s := session.New(way, nil)
				h, err := mutex.New(s, "m", nil).Lock(t.Context())
				require.NoError(t, err)
				c.lose(t, st, way, s)
				require.ErrorIs(t, h.Err(), session.ErrLost)
				require.ErrorContains(t, h.Err(), c.says)
				way.SetConnected(true)
				require.NoError(t, s.Close(t.Context()))
				require.NoError(t, way.Close())
			})
		})
	}
}
