package etcd

import (
	"cmp"
	"context"
	"errors"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// The client's watcher forgets a watch that ends after the server was asked for it and before the server has confirmed it: nobody ever
// tells the server, where it stands until something happens to its key, or the whole stream ends. So no watch is ended in between. To
// see that it is in between we have to be the ones who open it, each time, also when its stream has broken.

// A second fault of it: of a watch that the server refuses it loses count, so that when the stream ends in that moment, by itself or because the
// watcher is closed, it waits for ever for a goroutine that waits for it. So a refusal is told to it as a confirmation like any other, by which
// only we see what it is (see [ending]).

// newWatcher returns a watcher on the client's connection that opens nothing again by itself.
func newWatcher(client *clientv3.Client) clientv3.Watcher {
	return clientv3.NewWatchFromWatchClient(final{pb.NewWatchClient(client.ActiveConnection())}, client)
}

// final opens streams whose end is final for all watches on them.
type final struct{ pb.WatchClient }

func (f final) Watch(ctx context.Context, opts ...grpc.CallOption) (pb.Watch_WatchClient, error) {
	stream, err := f.WatchClient.Watch(ctx, opts...)
	if err != nil {
		return nil, err
	}
	return &finalStream{Watch_WatchClient: stream}, nil
}

type finalStream struct {
	pb.Watch_WatchClient
	refused int64 // how many watches were
}

// Recv returns no error for which the client would open its watches again, and no refusal that the client would take for one.
func (s *finalStream) Recv() (*pb.WatchResponse, error) {
	resp, err := s.Watch_WatchClient.Recv()
	switch status.Code(err) {
	case codes.OK:
		if resp.Created && (resp.Canceled || resp.WatchId == clientv3.InvalidWatchID) {
			s.refused++
			resp.Canceled, resp.WatchId = false, clientv3.InvalidWatchID-s.refused // an id that no server gives
			resp.CancelReason = cmp.Or(resp.CancelReason, errWatchEnded.Error())
		}
	case codes.Unavailable, codes.Internal:
		err = status.Error(codes.Canceled, status.Convert(err).Message())
	}
	return resp, err
}

// Send sends what is for the server: it knows nothing of watches that it has refused.
func (s *finalStream) Send(req *pb.WatchRequest) error {
	if c := req.GetCancelRequest(); c != nil && c.WatchId < clientv3.InvalidWatchID {
		return nil
	}
	return s.Watch_WatchClient.Send(req)
}

// ending is why a watch has ended, or was never made; nil if it goes on.
func ending(resp clientv3.WatchResponse) error {
	if err := resp.Err(); err != nil {
		return err
	}
	if resp.Created && resp.CancelReason != "" {
		return rpctypes.Error(errors.New(resp.CancelReason))
	}
	return nil
}

// unconfirmed is how long a watch that nobody wants any more may wait for the server's confirmation, so that it can be taken back. A
// stream that is silent for longer is broken by its connection's probes, and its watches end with it.
const unconfirmed = probeTime + probeTimeout + 2*time.Second

// open opens a watch that ends with ctx; on the server too, also if ctx ends first.
func (s *Storage) open(ctx context.Context, key string, opts ...clientv3.OpOption) clientv3.WatchChan {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	opened := make(chan clientv3.WatchChan, 1)
	started := s.start(func() {
		closed := context.AfterFunc(s.ctx, cancel)
		abandoned := context.AfterFunc(ctx, func() { time.AfterFunc(unconfirmed, cancel) })
		opened <- s.watcher.Watch(longer, key, opts...) // returns once it is confirmed, or has failed
		closed()
		abandoned()
		context.AfterFunc(ctx, cancel)
	})
	if started {
		select {
		case events := <-opened:
			return events
		case <-ctx.Done():
		}
	} else {
		cancel()
	}
	none := make(chan clientv3.WatchResponse)
	close(none)
	return none
}
