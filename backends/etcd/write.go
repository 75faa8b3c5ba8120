package etcd

import (
	"context"
	"errors"
	"fmt"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"google.golang.org/grpc"

	"github.com/coordkit/coord/kv"
)

// Create stores the record if its key is absent, in one transaction. That it finds a record is decided before the
// lease is looked at, so [kv.ErrAlreadyExists] wins over a lease that is gone.
func (s *Storage) Create(ctx context.Context, rec kv.Record) (kv.Version, error) {
	err := s.check(ctx, rec)
	if err != nil {
		return 0, opError("create", rec.Key, err)
	}
	resp, err := s.txn(ctx, rec.Key, &pb.TxnRequest{
		Compare: ifAbsent(rec.Key),
		Success: []*pb.RequestOp{put(rec)},
		Failure: []*pb.RequestOp{versionOf(rec.Key)},
	})
	switch {
	case err != nil:
		return 0, opError("create", rec.Key, err)
	case !resp.Succeeded:
		return storedVersion(resp), opError("create", rec.Key, kv.ErrAlreadyExists)
	}
	return kv.Version(resp.Header.Revision), nil
}

// CasByVersion replaces the value of the record if it has the version, in one transaction that leaves the lease as it is.
func (s *Storage) CasByVersion(ctx context.Context, rec kv.Record) (kv.Version, error) {
	err := s.check(ctx, rec)
	if err != nil {
		return 0, opError("cas", rec.Key, err)
	}
	v, err := s.cas(ctx, rec)
	return v, opError("cas", rec.Key, err)
}

func (s *Storage) cas(ctx context.Context, rec kv.Record) (kv.Version, error) {
	if rec.Version <= 0 {
		// Revision zero is what an absent key compares equal to, so such a version is never compared.
		return s.casNever(ctx, rec.Key)
	}
	resp, err := s.txn(ctx, rec.Key, &pb.TxnRequest{
		Compare: ifVersion(rec.Key, rec.Version),
		Success: []*pb.RequestOp{replace(rec)},
		Failure: []*pb.RequestOp{versionOf(rec.Key)},
	})
	if err != nil {
		return 0, err
	}
	if resp.Succeeded {
		return kv.Version(resp.Header.Revision), nil
	}
	if v := storedVersion(resp); v != 0 {
		return v, kv.ErrWrongVersion
	}
	return 0, kv.ErrNotFound
}

// casNever answers a compare-and-swap with a version that no record has.
func (s *Storage) casNever(ctx context.Context, key kv.Key) (kv.Version, error) {
	resp, err := s.rangeOnce(ctx, &pb.RangeRequest{Key: []byte(key), KeysOnly: true})
	switch {
	case err != nil:
		return 0, err
	case len(resp.Kvs) == 0:
		return 0, kv.ErrNotFound
	}
	return kv.Version(resp.Kvs[0].ModRevision), kv.ErrWrongVersion
}

// txn makes a transaction that writes key if its comparison holds.
func (s *Storage) txn(ctx context.Context, key kv.Key, req *pb.TxnRequest) (*pb.TxnResponse, error) {
	var resp *pb.TxnResponse
	err := s.call(ctx, write, func(ctx context.Context, opts []grpc.CallOption) (err error) {
		resp, err = s.kv.Txn(ctx, req, opts...)
		return err
	})
	if errors.Is(err, rpctypes.ErrNoSpace) {
		err = s.settle(ctx, key, req, err)
	}
	return resp, err
}

// settle finds out what became of a transaction that was answered with "no space". The one that first hits the quota is applied
// and gets this answer nevertheless, those after it are not; as the answer came after the decision, a read tells. If
// the comparison would still hold, nothing was changed.
func (s *Storage) settle(ctx context.Context, key kv.Key, req *pb.TxnRequest, cause error) error {
	resp, err := s.rangeOnce(ctx, &pb.RangeRequest{Key: []byte(key), KeysOnly: true})
	if err != nil {
		return cause
	}
	var now kv.Version
	if len(resp.Kvs) > 0 {
		now = kv.Version(resp.Kvs[0].ModRevision)
	}
	if now == expected(req) {
		return fmt.Errorf("%w: %w", kv.ErrUnavailable, rpctypes.ErrNoSpace)
	}
	return cause
}
