package etcd

import (
	"context"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/coordkit/coord/kv"
)

// Append creates the record and reads who was in the range before it, in one transaction and so in one call. It is
// [kv.Appender].
//
// The reads stand before the write in the transaction, and so see the range without it. etcd sorts the range to find the newest,
// at a cost that grows with the records in the range, values included.
func (s *Storage) Append(ctx context.Context, rec kv.Record, startKey, endKey kv.Key) (
	v kv.Version, prev kv.Record, ahead int, err error) {
	if err = s.check(ctx, rec); err != nil {
		return 0, kv.Record{}, 0, opError("append", rec.Key, err)
	}
	req := &pb.TxnRequest{
		Compare: ifAbsent(rec.Key),
		Success: []*pb.RequestOp{put(rec)},
		Failure: []*pb.RequestOp{versionOf(rec.Key)},
	}
	first, end, some := bounds(startKey, endKey)
	if some {
		req.Success = []*pb.RequestOp{newest(first, end, 0, 1), put(rec)}
	}
	resp, err := s.txn(ctx, rec.Key, req)
	switch {
	case err != nil:
		return 0, kv.Record{}, 0, opError("append", rec.Key, err)
	case !resp.Succeeded:
		return storedVersion(resp), kv.Record{}, 0, opError("append", rec.Key, kv.ErrAlreadyExists)
	case some:
		before := resp.Responses[0].GetResponseRange()
		ahead = int(before.Count)
		if len(before.Kvs) > 0 {
			prev = record(before.Kvs[0])
		}
	}
	return kv.Version(resp.Header.Revision), prev, ahead, nil
}
