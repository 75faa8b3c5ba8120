package etcd

import (
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// refusing refuses the first watch of each stream, and breaks the stream.
type refusing struct{ pb.UnimplementedWatchServer }

func (refusing) Watch(stream pb.Watch_WatchServer) error {
	if _, err := stream.Recv(); err != nil {
		return err
	}
	err := stream.Send(&pb.WatchResponse{
		Header: &pb.ResponseHeader{Revision: 7}, WatchId: -1, Created: true, Canceled: true,
		CancelReason: rpctypes.ErrPermissionDenied.Error(),
	})
	if err != nil {
		return err
	}
	return status.Error(codes.Unavailable, "broken")
}

// With etcd's own watcher, Close hung here within some hundred rounds.
func TestStreamThatBreaksUponARefusalIsClosedAllTheSame(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := grpc.NewServer()
	pb.RegisterWatchServer(g, refusing{})
	var wg sync.WaitGroup
	wg.Go(func() { _ = g.Serve(ln) })
	t.Cleanup(func() { g.Stop(); wg.Wait() })
	for range 500 {
		st, err := Open([]string{ln.Addr().String()}, nil)
		require.NoError(t, err)
		for resp := range st.watch(t.Context(), []byte("k"), nil, 0) {
			require.Error(t, ending(resp), "a watch that was refused, or whose stream has broken")
		}
		closed := make(chan error, 1)
		go func() { closed <- st.Close() }()
		require.NoError(t, await(t, closed, "end of Close"))
	}
}
