package etcd

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"github.com/coordkit/coord/kv"
)

// mute is a member that can be told to answer nothing any more, though its connections stand.
type mute struct {
	pb.UnimplementedKVServer
	silent  atomic.Bool
	asked   atomic.Int32 // reads while it was silent
	answers atomic.Int32 // to reads
	writes  atomic.Int32 // requested
	addr    string
}

func (m *mute) Range(ctx context.Context, _ *pb.RangeRequest) (*pb.RangeResponse, error) {
	if m.silent.Load() {
		m.asked.Add(1)
		<-ctx.Done()
		return nil, ctx.Err()
	}
	m.answers.Add(1)
	return &pb.RangeResponse{Header: &pb.ResponseHeader{}}, nil
}

// Txn creates whatever it is asked to, unless the member is silent; and finds nothing in what only reads.
func (m *mute) Txn(ctx context.Context, req *pb.TxnRequest) (*pb.TxnResponse, error) {
	if req.Success[0].GetRequestRange() != nil {
		resp, err := m.Range(ctx, nil)
		return &pb.TxnResponse{Responses: []*pb.ResponseOp{{Response: &pb.ResponseOp_ResponseRange{ResponseRange: resp}}}}, err
	}
	m.writes.Add(1)
	if m.silent.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &pb.TxnResponse{Header: &pb.ResponseHeader{Revision: 1}, Succeeded: true}, nil
}

// members are some, and a storage on all of them whose connections to each stand, and are not probed: no more than the balancer finds out which
// of them are silent.
func members(t *testing.T, n int) (all []*mute, st *Storage) {
	t.Helper()
	var endpoints []string
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		m := &mute{addr: ln.Addr().String()}
		g := grpc.NewServer()
		pb.RegisterKVServer(g, m)
		var wg sync.WaitGroup
		wg.Go(func() { _ = g.Serve(ln) })
		t.Cleanup(func() { g.Stop(); wg.Wait() })
		all, endpoints = append(all, m), append(endpoints, m.addr)
	}
	unprobed := grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: time.Hour})
	st, err := Open(endpoints, &Options{DialTimeout: time.Minute, DialOptions: []grpc.DialOption{unprobed}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	reach(t, st, all)
	return all, st
}

// reach asks until every member has answered.
func reach(t *testing.T, st *Storage, all []*mute) {
	t.Helper()
	before := make([]int32, len(all))
	for i, m := range all {
		before[i] = m.answers.Load()
	}
	require.Eventually(t, func() bool {
		ask(st, time.Second)
		for i, m := range all {
			if m.answers.Load() == before[i] {
				return false
			}
		}
		return true
	}, time.Minute, time.Millisecond)
}

// ask reads with little time, and reports whether an answer came.
func ask(st *Storage, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	_, err := st.GetRange(ctx, "a", "b")
	return err == nil
}

func TestCallsAreSpreadOverTheMembers(t *testing.T) {
	all, st := members(t, 3)
	before := make([]int32, len(all))
	for i, m := range all {
		before[i] = m.answers.Load()
	}
	for range 30 {
		require.True(t, ask(st, 10*time.Second))
	}
	for i, m := range all {
		require.GreaterOrEqual(t, m.answers.Load(), before[i]+10) // more, where the machine was so slow that a second member was asked
	}
}

func TestSilentMemberGetsNoCallsUntilItAnswers(t *testing.T) {
	all, st := members(t, 2)
	all[0].silent.Store(true)
	inARow := func() bool {
		for range 10 {
			if !ask(st, 200*time.Millisecond) {
				return false
			}
		}
		return true
	}
	require.False(t, inARow(), "a silent member that nobody knows of gets calls")
	require.Eventually(t, inARow, 10*time.Second, time.Millisecond, "it gets calls for ever")

	all[0].silent.Store(false)
	before := all[0].answers.Load()
	require.Eventually(t, func() bool { // its part of the calls, and not the questions only
		require.True(t, ask(st, 10*time.Second))
		return all[0].answers.Load() > before+20
	}, 10*time.Second, time.Millisecond, "it gets calls no more")
}

func TestWhereNoMemberAnswersNoneIsGivenUp(t *testing.T) {
	all, st := members(t, 2)
	for _, m := range all {
		m.silent.Store(true)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	_, err := st.Get(ctx, "k")
	require.ErrorIs(t, err, context.DeadlineExceeded, "the call stands on a connection that nobody broke")
	require.NotErrorIs(t, err, kv.ErrUnavailable)
	for _, m := range all {
		m.silent.Store(false)
	}
	require.True(t, ask(st, 10*time.Second))
}

func TestReadUnderWayOnASilentMemberIsRepeatedElsewhere(t *testing.T) {
	all, st := members(t, 2)
	all[0].silent.Store(true)
	for range 4 {
		require.True(t, ask(st, 30*time.Second))
	}
}

func TestWriteUnderWayOnASilentMemberIsUncertainAndNotRepeated(t *testing.T) {
	all, st := members(t, 2)
	all[0].silent.Store(true)
	uncertain := 0
	for range 4 {
		_, err := st.Create(t.Context(), kv.Record{Key: "k"})
		if err != nil {
			require.ErrorIs(t, err, kv.ErrUncertain)
			require.ErrorContains(t, err, errSilent.Error())
			uncertain++
		}
	}
	require.Equal(t, 1, uncertain, "of writes that were given to either in turn")
	require.EqualValues(t, 4, all[0].writes.Load()+all[1].writes.Load(), "sent")
}

func TestClientOfOnesOwnGivesNoCallsToASilentMemberEither(t *testing.T) {
	all, _ := members(t, 2)
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{all[0].addr, all[1].addr}, DialOptions: DialOptions(), Logger: zap.NewNop(),
	})
	require.NoError(t, err)
	defer client.Close()
	st := New(client, nil)
	defer st.Close()
	require.Eventually(t, func() bool { return ask(st, time.Second) }, 10*time.Second, time.Millisecond)
	all[0].silent.Store(true)
	for range 4 {
		require.True(t, ask(st, 30*time.Second))
	}
}
