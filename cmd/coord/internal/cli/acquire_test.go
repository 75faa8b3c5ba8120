//go:build unix

package cli

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/primitives/mutex"
)

func TestWaitLastsAsLongAsWasAsked(t *testing.T) {
	for _, wait := range []time.Duration{time.Second, 20 * time.Minute, 2 * time.Hour} {
		bubble.Test(t, func(t *testing.T) {
			st := newStore(t)
			_, err := (&lockClaim{name: "l"}).try(t.Context(), st, join(t, st, "first").Session)
			require.NoError(t, err)
			j := &job{app: &app{quiet: true}, claim: &lockClaim{name: "l"}, wait: wait, conflict: exitNotAcquired}
			began := time.Now()
			_, err = j.acquire(t.Context(), st, join(t, st, "second").Session)
			require.Equal(t, exitNotAcquired, codeOf(err, exitFailed), "%v", err)
			require.Equal(t, wait, time.Since(began))
		})
	}
}

func TestNextInLineGetsTheLockAtOnce(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st := newStore(t)
		g, err := (&lockClaim{name: "l"}).try(t.Context(), st, join(t, st, "first").Session)
		require.NoError(t, err)
		got := make(chan time.Time, 3)
		for range cap(got) {
			j, s := &job{app: &app{quiet: true}, claim: &lockClaim{name: "l"}, wait: -1}, join(t, st, "next").Session
			go func() {
				g, err := j.acquire(t.Context(), st, s)
				if err != nil {
					t.Errorf("acquire: %v", err)
				}
				got <- time.Now()
				_ = g.(*mutex.Held).Unlock(t.Context())
			}()
			synctest.Wait()
		}
		time.Sleep(time.Hour)
		freed := time.Now()
		require.NoError(t, g.(*mutex.Held).Unlock(t.Context()))
		for range cap(got) {
			require.Equal(t, freed, <-got, "nobody sleeps before it tries again")
		}
	})
}
