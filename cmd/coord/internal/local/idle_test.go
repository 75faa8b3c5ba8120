//go:build linux && !nolocal

package local_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/cmd/coord/internal/local"
)

// traces are what a store tells of its use.
type traces struct {
	revision int64
	leases   int
	err      error
}

func (s *traces) Revision() int64                     { return s.revision }
func (s *traces) Leases(context.Context) (int, error) { return s.leases, s.err }

// Short commands that only read leave no trace in the store, and are gone when the server looks.
func TestVisitsWritesAndLeasesCountAsUse(t *testing.T) {
	home(t)
	const idle = time.Minute
	for name, use := range map[string]func(t *testing.T, s *traces){
		"visit":                    func(t *testing.T, _ *traces) { require.NoError(t, local.Visit(t.Context())) },
		"write":                    func(_ *testing.T, s *traces) { s.revision++ },
		"lease":                    func(_ *testing.T, s *traces) { s.leases = 1 },
		"store that does not tell": func(_ *testing.T, s *traces) { s.err = errors.New("no") },
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, local.Visit(t.Context()))
			s, now := &traces{revision: 1}, time.Unix(1e9, 0)
			tracker, err := local.NewTracker(s, now)
			require.NoError(t, err)
			require.True(t, tracker.Needed(now.Add(idle-1), idle))
			for range 5 {
				now = now.Add(idle - 1)
				use(t, s)
				require.True(t, tracker.Needed(now, idle), "it was used since the last look")
				s.leases, s.err = 0, nil
			}
			require.True(t, tracker.Needed(now.Add(idle-1), idle), "the idle time is not over")
			require.False(t, tracker.Needed(now.Add(idle), idle))
		})
	}
}
