package election

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/etcdtest"
	"github.com/coordkit/coord/test/internal/worlds"
)

func TestPartitionedLeaderIsToldAMarginBeforeTheNextLeads(t *testing.T) {
	inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
		const long, margin = 10 * time.Second, 2 * time.Second // the default, TTL/5
		s := session.New(cut, &session.Options{TTL: long})
		other := session.New(store, &session.Options{TTL: long})
		term := campaign(t, election.New(s, "e", nil))
		ctx := term.Context(t.Context())
		next := campaignAsync(context.Background(), election.New(other, "e", nil))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		start := time.Now()
		cut.SetConnected(false)
		<-ctx.Done()
		require.Equal(t, long-margin, time.Since(start))
		require.ErrorIs(t, context.Cause(ctx), election.ErrLost)
		require.ErrorIs(t, term.Proclaim(t.Context(), nil), election.ErrLost)
		require.Equal(t, margin, term.ValidFor(), "the time to stop in")
		after := elected(t, next)
		require.Equal(t, long, time.Since(start))
		require.Zero(t, term.ValidFor())
		require.Greater(t, after.Token(), term.Token())
		cut.SetConnected(true)
		require.ErrorIs(t, term.Resign(t.Context()), election.ErrLost)
		require.NoError(t, after.Check(t.Context()))
		resign(t, after)
		require.NoError(t, s.Close(t.Context()))
		require.NoError(t, other.Close(t.Context()))
	})
}

// Whenever between two renewals the leader is killed, the next one leads when its lease is over: neither sooner nor later. On etcd,
// which ends leases when it gets to it, "a dead leader's term passes on when its lease is over" asks for less.
func TestKilledLeaderIsFollowedWhenItsLeaseIsOver(t *testing.T) {
	for _, c := range []struct {
		name string
		wrap func(kv.Storage) kv.Storage
	}{{"with capabilities", same}, {"on the pure contract", hide}} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, store, _ *memory.Storage) {
				other := worlds.Session(t, c.wrap(store))
				for i := range 20 {
					dying := store.Connect()
					s := worlds.Session(t, c.wrap(dying))
					term := campaign(t, election.New(s, "e", nil))
					next := campaignAsync(context.Background(), election.New(other, "e", nil))
					time.Sleep(time.Duration(i) * ttl / 7)
					synctest.Wait()
					start, left := time.Now(), term.ValidFor()
					require.LessOrEqual(t, left, ttl)
					require.NoError(t, dying.Close())
					after := elected(t, next)
					require.Equal(t, left, time.Since(start))
					require.ErrorIs(t, term.Err(), election.ErrLost)
					resign(t, after)
				}
			})
		})
	}
}

func TestPartitionedLeaderIsToldBeforeTheNextLeadsOnEtcd(t *testing.T) {
	server := etcdtest.Start(t)
	for _, name := range []string{"blackhole", "refused"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := server.Proxy(t)
			set := proxy.Blackhole
			if name == "refused" {
				set = proxy.Refuse
			}
			s := session.New(etcdtest.Open(t, proxy.Endpoint(), nil), &session.Options{TTL: ttl})
			term := campaign(t, election.New(s, name, nil))
			over := make(chan time.Time, 1)
			context.AfterFunc(term.Context(context.Background()), func() { over <- time.Now() })
			next := campaignAsync(context.Background(), election.New(worlds.Session(t, server.Storage(t)), name, nil))
			(&worlds.World{}).Until(t, func() bool {
				info, err := election.Inspect(t.Context(), server.Storage(t), name)
				return err == nil && len(info.Candidates) == 1
			})
			start := time.Now()
			set(true)
			after := elected(t, next)
			began := time.Now()
			require.LessOrEqual(t, began.Sub(start), ttl+500*time.Millisecond+(&worlds.World{}).Leeway())
			require.ErrorIs(t, term.Err(), election.ErrLost)
			require.Less(t, <-over, began)
			set(false)
			_ = s.Close(worlds.Ended())
			resign(t, after)
		})
	}
}
