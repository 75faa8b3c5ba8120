package etcd

import (
	"context"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/coordkit/coord/kv"
)

// ReadPlace reads a record, and who was created last of those before it, in one transaction and so in one call. It is
// [kv.PlaceReader].
//
// etcd sorts the range to find the newest, as in [Storage.Append], but sends no more than the two.
func (s *Storage) ReadPlace(ctx context.Context, key kv.Key, created kv.Version, startKey, endKey kv.Key) (
	own, prev kv.Record, err error) {
	if err = s.check(ctx, kv.Record{Key: key}); err != nil {
		return kv.Record{}, kv.Record{}, opError("read place", key, err)
	}
	req := &pb.TxnRequest{Success: []*pb.RequestOp{requestRange(&pb.RangeRequest{Key: []byte(key)})}}
	first, end, some := bounds(startKey, endKey)
	some = some && created > 1 // to etcd no greatest revision at all is 0
	if some {
		req.Success = append(req.Success, newest(first, end, created, 2)) // the one at key may be one of them
	}
	resp, err := reading(ctx, s, s.kv.Txn, req)
	if err != nil {
		return kv.Record{}, kv.Record{}, opError("read place", key, err)
	}
	mine := resp.Responses[0].GetResponseRange().Kvs
	if len(mine) == 0 {
		return kv.Record{}, kv.Record{}, opError("read place", key, kv.ErrNotFound)
	}
	if some {
		for _, p := range resp.Responses[1].GetResponseRange().Kvs {
			if string(p.Key) != string(key) {
				prev = record(p)
				break
			}
		}
	}
	return record(mine[0]), prev, nil
}
