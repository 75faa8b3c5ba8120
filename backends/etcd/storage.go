package etcd

import (
	"context"
	"fmt"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"github.com/coordkit/coord/kv"
)

// Storage is a [kv.Storage] on etcd. Make one with [New], [Open] or [OpenEnv], share it, and close it. All methods are safe for
// concurrent use.
type Storage struct {
	client  *clientv3.Client
	owned   bool // Close closes client
	opts    Options
	invalid error // what is wrong with the options given to New

	conn    *grpc.ClientConn
	kv      pb.KVClient
	hedges  chan struct{}    // holds one for each read that is with two members; nil if the client had one endpoint when this was made
	watcher clientv3.Watcher // of our own, so that closing it leaves nothing on the caller's client
	hub     *hub
	lessor  *lessor

	ctx    context.Context // ends at Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	closed bool // no goroutine starts any more
	done   sync.Once
}

var (
	_ kv.Storage      = (*Storage)(nil)
	_ kv.Appender     = (*Storage)(nil)
	_ kv.PlaceReader  = (*Storage)(nil)
	_ kv.RangeWatcher = (*Storage)(nil)
)

func newStorage(client *clientv3.Client, owned bool, opts *Options) *Storage {
	o, err := opts.resolved()
	s := &Storage{
		client:  client,
		owned:   owned,
		opts:    o,
		invalid: err,
		conn:    client.ActiveConnection(),
		kv:      pb.NewKVClient(client.ActiveConnection()),
		watcher: newWatcher(client),
	}
	if len(client.Endpoints()) > 1 {
		s.hedges = make(chan struct{}, maxHedges)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.hub = newHub(s)
	s.lessor = newLessor(s)
	return s
}

// Client returns the client that the storage stands on, for what the contract does not have: a store's status, its list of
// leases. It is closed with the storage if [Open] made it.
func (s *Storage) Client() *clientv3.Client { return s.client }

// Lessor returns the store's leases.
func (s *Storage) Lessor() kv.Lessor { return s.lessor }

// Close ends every wait and every watch with [kv.ErrClosed], stops renewing leases and waits for all that the storage started.
// It releases no lease: each runs out by itself unless its owner released it before. It closes the client if [Open] made
// it, which cuts calls still under way off. A repeat waits for the first and returns nil.
func (s *Storage) Close() error {
	var err error
	s.done.Do(func() {
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.cancel()
		s.wg.Wait()
		err = s.watcher.Close()
		if s.owned {
			err = s.client.Close()
		}
	})
	if err != nil {
		return fmt.Errorf("etcd: close: %w", err)
	}
	return nil
}

// start runs f on a goroutine that Close waits for; f must end soon after s.ctx. It reports false after Close.
func (s *Storage) start(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.wg.Go(f)
	return true
}

// ready checks what every call checks after its own arguments: the options, Close, and ctx.
func (s *Storage) ready(ctx context.Context) error {
	switch {
	case s.invalid != nil:
		return s.invalid
	case s.ctx.Err() != nil:
		return kv.ErrClosed
	}
	return ctx.Err()
}

// check is ready after the checks of ctx and the record that a write is given.
func (s *Storage) check(ctx context.Context, rec kv.Record) error {
	if err := kv.ValidateContext(ctx); err != nil {
		return err
	}
	if err := rec.Validate(); err != nil {
		return err
	}
	return s.ready(ctx)
}

// Get returns the record at key, or [kv.ErrNotFound]. It is linearizable: one round of the leader with a majority.
func (s *Storage) Get(ctx context.Context, key kv.Key) (kv.Record, error) {
	err := s.check(ctx, kv.Record{Key: key})
	if err != nil {
		return kv.Record{}, opError("get", key, err)
	}
	rec, err := s.get(ctx, key)
	return rec, opError("get", key, err)
}

func (s *Storage) get(ctx context.Context, key kv.Key) (kv.Record, error) {
	resp, err := s.rangeOnce(ctx, &pb.RangeRequest{Key: []byte(key)})
	switch {
	case err != nil:
		return kv.Record{}, err
	case len(resp.Kvs) == 0:
		return kv.Record{}, kv.ErrNotFound
	}
	return record(resp.Kvs[0]), nil
}

// rangeOnce makes one range request.
func (s *Storage) rangeOnce(ctx context.Context, req *pb.RangeRequest) (*pb.RangeResponse, error) {
	return reading(ctx, s, s.kv.Range, req)
}

// Delete removes the record at key, or returns [kv.ErrNotFound].
func (s *Storage) Delete(ctx context.Context, key kv.Key) error {
	err := s.check(ctx, kv.Record{Key: key})
	if err != nil {
		return opError("delete", key, err)
	}
	var resp *pb.DeleteRangeResponse
	err = s.call(ctx, write, func(ctx context.Context, opts []grpc.CallOption) (err error) {
		resp, err = s.kv.DeleteRange(ctx, &pb.DeleteRangeRequest{Key: []byte(key)}, opts...)
		return err
	})
	if err == nil && resp.Deleted == 0 {
		err = kv.ErrNotFound
	}
	return opError("delete", key, err)
}
