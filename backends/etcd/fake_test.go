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
	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
)

// answering is a server that answers as it is told, for what a real one does too seldom.
type answering struct {
	pb.UnimplementedKVServer
	pb.UnimplementedLeaseServer

	txn   func(n int32) (*pb.TxnResponse, error) // n counts from 1
	rng   func(n int32) (*pb.RangeResponse, error)
	txns  atomic.Int32
	reads atomic.Int32

	granted int64                                                      // TTL of all leases, in seconds
	leases  atomic.Int64                                               // the last one's ID
	renew   func(ctx context.Context, id int64) (ttl int64, err error) // in order, on each stream
}

func (a *answering) Txn(context.Context, *pb.TxnRequest) (*pb.TxnResponse, error) {
	return a.txn(a.txns.Add(1))
}

func (a *answering) Range(context.Context, *pb.RangeRequest) (*pb.RangeResponse, error) {
	return a.rng(a.reads.Add(1))
}

func (a *answering) LeaseGrant(context.Context, *pb.LeaseGrantRequest) (*pb.LeaseGrantResponse, error) {
	return &pb.LeaseGrantResponse{ID: a.leases.Add(1), TTL: a.granted}, nil
}

func (a *answering) LeaseKeepAlive(stream pb.Lease_LeaseKeepAliveServer) error {
	for {
		req, err := stream.Recv()
		if err != nil {
			return err
		}
		ttl, err := a.renew(stream.Context(), req.ID)
		if err != nil {
			return err
		}
		if err := stream.Send(&pb.LeaseKeepAliveResponse{ID: req.ID, TTL: ttl}); err != nil {
			return err
		}
	}
}

// served opens a storage on such a server, whose calls wait for it however busy the machine is.
func served(t *testing.T, a *answering) *Storage {
	t.Helper()
	return servedWithin(t, a, time.Minute)
}

// servedWithin is served with a dial timeout.
func servedWithin(t *testing.T, a *answering, dial time.Duration) *Storage {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := grpc.NewServer()
	pb.RegisterKVServer(g, a)
	pb.RegisterLeaseServer(g, a)
	var wg sync.WaitGroup
	wg.Go(func() { _ = g.Serve(ln) })
	st, err := Open([]string{"http://" + ln.Addr().String()}, &Options{DialTimeout: dial})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()); g.Stop(); wg.Wait() })
	return st
}

// scripted is a watcher whose watches a test plays by hand.
type scripted struct {
	clientv3.Watcher
	opened chan played
}

// played is a watch that was opened: from which revision, and where its responses are sent.
type played struct {
	rev int64
	ch  chan clientv3.WatchResponse
}

// script puts a scripted watcher in place of the storage's.
func script(t *testing.T, st *Storage) *scripted {
	t.Helper()
	w := &scripted{Watcher: st.watcher, opened: make(chan played)}
	st.watcher = w
	return w
}

// Watch passes the test's responses on until ctx ends, as the client's does.
func (w *scripted) Watch(ctx context.Context, key string, opts ...clientv3.OpOption) clientv3.WatchChan {
	p := played{rev: clientv3.OpGet(key, opts...).Rev(), ch: make(chan clientv3.WatchResponse)}
	out := make(chan clientv3.WatchResponse)
	select {
	case w.opened <- p:
	case <-ctx.Done():
		close(out)
		return out
	}
	go func() {
		defer close(out)
		for {
			select {
			case resp := <-p.ch:
				select {
				case out <- resp:
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func created(rev int64) clientv3.WatchResponse {
	return clientv3.WatchResponse{Header: &pb.ResponseHeader{Revision: rev}, Created: true}
}

// wrote is a response with one write. The header is ahead of it, as that of a watch that catches up.
func wrote(key string, rev int64) clientv3.WatchResponse {
	return clientv3.WatchResponse{
		Header: &pb.ResponseHeader{Revision: rev + 100},
		Events: []*clientv3.Event{{Type: clientv3.EventTypePut, Kv: keyValue(key, rev)}},
	}
}

// leaderless is the end of a watch on a member that has lost its leader. The client gives such a watch up.
func leaderless() clientv3.WatchResponse {
	return clientv3.WatchResponse{Header: &pb.ResponseHeader{}, Canceled: true, CancelReason: "etcdserver: no leader"}
}

func keyValue(key string, rev int64) *mvccpb.KeyValue {
	return &mvccpb.KeyValue{Key: []byte(key), ModRevision: rev, CreateRevision: rev}
}

// found is the answer to a read at a revision.
func found(rev int64, kvs ...*mvccpb.KeyValue) (*pb.RangeResponse, error) {
	return &pb.RangeResponse{Header: &pb.ResponseHeader{Revision: rev}, Kvs: kvs, Count: int64(len(kvs))}, nil
}
