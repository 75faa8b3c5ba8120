package etcd

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"

	"github.com/coordkit/coord/kv"
)

// trusting builds the balancer without what looks at the members, so that it never finds out that one is silent.
type trusting struct{}

func init() { balancer.Register(trusting{}) }

func (trusting) Name() string { return "coord_trusting" }

func (trusting) Build(cc balancer.ClientConn, _ balancer.BuildOptions) balancer.Balancer {
	b := &balance{cc: cc, members: make(map[string]*member), state: connectivity.Connecting}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// trustful is a storage on the members with that balancer, whose connections to each stand.
func trustful(t *testing.T, all []*mute) *Storage {
	t.Helper()
	cfg := clientv3.Config{Logger: zap.NewNop(), DialOptions: []grpc.DialOption{
		grpc.WithDisableServiceConfig(), grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"coord_trusting":{}}]}`),
	}}
	for _, m := range all {
		cfg.Endpoints = append(cfg.Endpoints, m.addr)
	}
	client, err := clientv3.New(cfg)
	require.NoError(t, err)
	st := New(client, nil)
	t.Cleanup(func() {
		require.NoError(t, st.Close())
		require.NoError(t, client.Close())
	})
	reach(t, st, all)
	return st
}

func TestReadWithoutAnAnswerIsPutToAnotherMember(t *testing.T) {
	all, _ := members(t, 2)
	st := trustful(t, all)
	all[0].silent.Store(true)
	for range 4 { // of which two are given to the silent one first
		require.True(t, ask(st, time.Minute))
		_, _, err := st.ReadPlace(t.Context(), "k", 2, "a", "z")
		require.ErrorIs(t, err, kv.ErrNotFound)
	}
	require.Empty(t, st.hedges)
}

func TestFewReadsAreWithTwoMembersAtATime(t *testing.T) {
	all, _ := members(t, 2)
	st := trustful(t, all)
	for _, m := range all {
		m.silent.Store(true)
	}
	const reads = 3 * maxHedges
	ctx, cancel := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range reads {
		readers.Go(func() { _, _ = st.Get(ctx, "k") })
	}
	asked := func() int { return int(all[0].asked.Load() + all[1].asked.Load()) }
	require.Eventually(t, func() bool { return asked() >= reads+maxHedges }, time.Minute, time.Millisecond)
	cancel()
	readers.Wait()
	require.Equal(t, reads+maxHedges, asked())
	require.Empty(t, st.hedges)
}

func TestSecondOfAReadIsGivenToAnotherMemberThatAnswers(t *testing.T) {
	b, first, silent, _ := asked(t, time.Now())
	silent.silent = true
	other := &member{b: b, conn: nothing{}, calls: map[*call]struct{}{}}
	p := &picker{b: b, ready: []ready{{first, first.conn}, {silent, silent.conn}, {other, other.conn}}}
	pick := func(key any, g *given) {
		_, err := p.Pick(balancer.PickInfo{Ctx: context.WithValue(t.Context(), key, g)})
		require.NoError(t, err)
	}
	for range 6 {
		var g given
		pick(noted{}, &g)
		require.NotSame(t, silent, g.Load())
		before := len(g.Load().calls)
		pick(avoided{}, &g)
		require.Len(t, g.Load().calls, before, "the second went where the first is")
	}
	require.Empty(t, silent.calls)
}
