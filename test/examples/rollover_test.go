//go:build unix

package examples

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/examples/rollover"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/fence"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// Each release is mixed with the one before, and with no other. Tokens are compared throughout: they are of one store.
func TestNoTwoWorkWhileOneReleaseReplacesTheOther(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	client, s := server.Client(t), session.New(server.Storage(t), nil)
	defer func() { require.NoError(t, s.Close(context.Background())) }()
	var gate fence.Gate
	var inside, done atomic.Int64
	work := func(_ context.Context, token kv.Version) error {
		defer inside.Add(-1)
		if !assertAlone(t, inside.Add(1)) {
			return nil
		}
		done.Add(1)
		time.Sleep(time.Millisecond) // for somebody else to come in
		return gate.Admit(token)
	}
	releases := []func(context.Context) error{
		func(ctx context.Context) error { return rollover.Before(ctx, client, work) },
		func(ctx context.Context) error { return rollover.Both(ctx, client, s, work) },
		func(ctx context.Context) error { return rollover.After(ctx, s, work) },
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for n := range releases[1:] {
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				for range 3 {
					if err := releases[n+i%2](ctx); err != nil {
						t.Errorf("release %d: %v", n+i%2, err)
					}
				}
			})
		}
		all.Wait()
	}
	require.EqualValues(t, 2*6*3, done.Load())
}

func assertAlone(t *testing.T, inside int64) bool {
	if inside != 1 {
		t.Errorf("%d at work", inside)
	}
	return inside == 1
}

func TestBothLocksAreWatched(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	st := server.Storage(t)
	client, s := server.Client(t), session.New(st, nil)
	defer func() { require.NoError(t, s.Close(context.Background())) }()
	for name, lose := range map[string]func(){
		"the old one": func() {
			leases, err := client.Leases(t.Context())
			require.NoError(t, err)
			for _, l := range leases.Leases {
				if kv.LeaseId(l.ID) != s.LeaseID() {
					_, err = client.Revoke(t.Context(), l.ID)
					require.NoError(t, err)
				}
			}
		},
		"the new one": func() {
			info, err := mutex.Inspect(t.Context(), st, "report")
			require.NoError(t, err)
			require.NoError(t, mutex.Break(t.Context(), st, "report", info.Holders[0].Token))
		},
	} {
		err := rollover.Both(t.Context(), client, s, func(ctx context.Context, _ kv.Version) error {
			lose()
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(time.Minute):
				t.Errorf("%s: its loss is not noticed", name)
				return nil
			}
		})
		require.ErrorIs(t, err, session.ErrLost, name)
	}
}
