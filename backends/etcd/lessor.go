package etcd

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"

	"github.com/coordkit/coord/kv"
)

// lessor is the storage's [kv.Lessor].
type lessor struct {
	s      *Storage
	client pb.LeaseClient
	keeper *keeper

	mu      sync.Mutex
	own     map[kv.LeaseId]*lease // granted by this storage and not known to be over
	purgeAt int                   // size of own at which dead ones are looked for
}

const minPurge = 1024

func newLessor(s *Storage) *lessor {
	ls := &lessor{s: s, client: pb.NewLeaseClient(s.conn), own: make(map[kv.LeaseId]*lease), purgeAt: minPurge}
	ls.keeper = newKeeper(s, ls.client)
	return ls
}

// NewLease grants a lease. etcd counts in whole seconds and has a minimum, one and a half election time-outs (2 s with
// its defaults): ttl is rounded up to both, and TTL tells. More than 9,000,000,000 seconds is [kv.ErrInvalid].
func (ls *lessor) NewLease(ctx context.Context, ttl time.Duration, keepAlive bool) (kv.Lease, error) {
	l, err := ls.grant(ctx, ttl, keepAlive)
	if err != nil {
		return nil, opError("new lease", "", err)
	}
	return l, nil
}

func (ls *lessor) grant(ctx context.Context, ttl time.Duration, keepAlive bool) (*lease, error) {
	if err := kv.ValidateContext(ctx); err != nil {
		return nil, err
	}
	if err := kv.ValidateTTL(ttl); err != nil {
		return nil, err
	}
	if err := ls.s.ready(ctx); err != nil {
		return nil, err
	}
	var sent time.Time
	var resp *pb.LeaseGrantResponse
	err := ls.s.call(ctx, write, func(ctx context.Context, opts []grpc.CallOption) (err error) {
		sent = time.Now()
		resp, err = ls.client.LeaseGrant(ctx, &pb.LeaseGrantRequest{TTL: wholeSeconds(ttl)}, opts...)
		return err
	})
	if err != nil {
		return nil, err
	}
	granted := seconds(resp.TTL)
	l := newLease(ls.s, kv.LeaseId(resp.ID), granted, granted, sent)
	ls.remember(l)
	if keepAlive {
		ls.keeper.add(l)
	}
	return l, nil
}

// GetLease asks the store for the lease.
func (ls *lessor) GetLease(lid kv.LeaseId) (kv.Lease, error) {
	l, err := ls.find(lid)
	if err != nil {
		return nil, opError("get lease", "", err)
	}
	return l, nil
}

func (ls *lessor) find(lid kv.LeaseId) (*lease, error) {
	if err := ls.s.ready(context.Background()); err != nil {
		return nil, err
	}
	if lid <= kv.NoLeaseId {
		return nil, kv.ErrWrongLeaseId
	}
	var sent time.Time
	var resp *pb.LeaseTimeToLiveResponse
	err := ls.s.bounded(read, func(ctx context.Context, opts []grpc.CallOption) (err error) {
		sent = time.Now()
		resp, err = ls.client.LeaseTimeToLive(ctx, &pb.LeaseTimeToLiveRequest{ID: int64(lid)}, opts...)
		return err
	})
	if err != nil {
		return nil, err
	}
	own := ls.lookup(lid)
	switch {
	case resp.TTL < 0: // zero is the last second of a live lease
		if own != nil {
			ls.keeper.remove(own)
			own.gone()
		}
		return nil, kv.ErrWrongLeaseId
	case own != nil:
		return own, nil
	}
	return newLease(ls.s, lid, seconds(resp.TTL), seconds(resp.GrantedTTL), sent), nil
}

// bounded is call for what has no ctx of a caller's.
func (s *Storage) bounded(k kind, f rpc) error {
	ctx, cancel := context.WithTimeout(context.Background(), leaseCall)
	defer cancel()
	err := s.call(ctx, k, f)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: no answer within %v: %w", kv.ErrUnavailable, leaseCall, err)
	}
	return err
}

// isNoLease reports whether the store said that there is no such lease.
func isNoLease(err error) bool { return errors.Is(err, kv.ErrWrongLeaseId) }

func (ls *lessor) lookup(lid kv.LeaseId) *lease {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return ls.own[lid]
}

// remember keeps the handle for GetLease. Those that have run out long ago, never released, are let go now and then.
func (ls *lessor) remember(l *lease) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.own[l.id] = l
	if len(ls.own) < ls.purgeAt {
		return
	}
	for id, old := range ls.own {
		if old.TTL() < -time.Minute && !ls.keeper.keeps(old) {
			delete(ls.own, id)
		}
	}
	ls.purgeAt = max(minPurge, 2*len(ls.own))
}

func (ls *lessor) forget(l *lease) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.own[l.id] == l {
		delete(ls.own, l.id)
	}
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

// wholeSeconds rounds ttl up to whole seconds.
func wholeSeconds(ttl time.Duration) int64 {
	n := int64(ttl / time.Second)
	if ttl%time.Second > 0 {
		n++
	}
	return n
}
