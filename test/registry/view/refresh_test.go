package view

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/primitives/registry"
)

func TestRefresh(t *testing.T) {
	runViewCases(t, []viewCase{
		{"many who refresh, one after the other, do not keep each other from being answered", refreshStorm},
		{"a read that gets no answer is begun anew", refreshHangs},
	})
}

// slow is a reader whose reads of the set take so long as delay says.
func (s *scene) slow(t *testing.T, delay func(context.Context)) *registry.View {
	st := intercept.Wrap(s.st, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
		if c.Op == intercept.OpGetRange || c.Op == intercept.OpWatchRange {
			delay(ctx)
		}
		return do(ctx)
	})
	return (&scene{store: s.store, st: st, wrap: s.wrap}).view(t, nil)
}

func refreshStorm(t *testing.T, s *scene) {
	v := s.slow(t, func(ctx context.Context) {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
		}
	})
	s.put(t, "a")
	const n = 500
	results := make(chan error, n)
	for range n {
		go func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := v.Refresh(ctx)
			results <- err
		}()
		time.Sleep(10 * time.Millisecond)
	}
	for range n {
		require.NoError(t, <-results)
	}
	require.Equal(t, []string{"a"}, idsOf(v.Snapshot()))
}

func refreshHangs(t *testing.T, s *scene) {
	var hang atomic.Bool
	v := s.slow(t, func(ctx context.Context) {
		if hang.CompareAndSwap(true, false) {
			<-ctx.Done()
		}
	})
	after(time.Second)
	s.put(t, "a")
	hang.Store(true)
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { _, err := v.Refresh(t.Context()); first <- err }()
	after(time.Minute)
	go func() { _, err := v.Refresh(t.Context()); second <- err }()
	after(time.Second)
	require.NoError(t, <-first)
	require.NoError(t, <-second)
}
