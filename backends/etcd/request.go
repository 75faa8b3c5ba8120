package etcd

import (
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/coordkit/coord/kv"
)

// record is the contract's record of a key-value pair. Its version is the revision of the write it stems from, not
// etcd's own version, which counts from one again after each deletion.
func record(p *mvccpb.KeyValue) kv.Record {
	rec := kv.Record{Key: kv.Key(p.Key), Version: kv.Version(p.ModRevision), Lease: kv.LeaseId(p.Lease)}
	if len(p.Value) > 0 {
		rec.Value = p.Value
	}
	return rec
}

// ifAbsent holds while there is no record at key.
func ifAbsent(key kv.Key) []*pb.Compare {
	return []*pb.Compare{{
		Key: []byte(key), Target: pb.Compare_CREATE, Result: pb.Compare_EQUAL,
		TargetUnion: &pb.Compare_CreateRevision{},
	}}
}

// ifVersion holds while the record at key has the version, which must be positive.
func ifVersion(key kv.Key, v kv.Version) []*pb.Compare {
	return []*pb.Compare{{
		Key: []byte(key), Target: pb.Compare_MOD, Result: pb.Compare_EQUAL,
		TargetUnion: &pb.Compare_ModRevision{ModRevision: int64(v)},
	}}
}

// expected is the version that the request's comparison wants, zero for absence.
func expected(req *pb.TxnRequest) kv.Version {
	return kv.Version(req.Compare[0].GetModRevision())
}

// put stores rec under its lease.
func put(rec kv.Record) *pb.RequestOp {
	return requestPut(&pb.PutRequest{Key: []byte(rec.Key), Value: rec.Value, Lease: int64(rec.Lease)})
}

// replace stores rec's value under the lease that the record has already.
func replace(rec kv.Record) *pb.RequestOp {
	return requestPut(&pb.PutRequest{Key: []byte(rec.Key), Value: rec.Value, IgnoreLease: true})
}

func requestPut(req *pb.PutRequest) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: req}}
}

func requestRange(req *pb.RangeRequest) *pb.RequestOp {
	return &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: req}}
}

// versionOf reads key without its value.
func versionOf(key kv.Key) *pb.RequestOp {
	return requestRange(&pb.RangeRequest{Key: []byte(key), KeysOnly: true})
}

// storedVersion is what versionOf, alone in the branch that was taken, found; zero if there is no record.
func storedVersion(resp *pb.TxnResponse) kv.Version {
	if kvs := resp.Responses[0].GetResponseRange().GetKvs(); len(kvs) > 0 {
		return kv.Version(kvs[0].ModRevision)
	}
	return 0
}

// newest reads the n records of a range that were created last, before the version created if that is not zero. The answer
// counts all that is in the range.
func newest(first, end []byte, created kv.Version, n int64) *pb.RequestOp {
	req := &pb.RangeRequest{
		Key: first, RangeEnd: end, Limit: n,
		SortTarget: pb.RangeRequest_CREATE, SortOrder: pb.RangeRequest_DESCEND,
	}
	if created != 0 {
		req.MaxCreateRevision = int64(created) - 1
	}
	return requestRange(req)
}

// bounds are the ends of a range as etcd wants them: the first not empty, the second excluded. It reports false for a range
// in which there can be nothing, which must not be asked for: to etcd an empty end means a single key.
func bounds(startKey, endKey kv.Key) (first, end []byte, ok bool) {
	if endKey == "" || startKey > endKey {
		return nil, nil, false
	}
	if startKey == "" {
		startKey = "\x00" // the least key there is
	}
	return []byte(startKey), []byte(endKey + "\x00"), true
}
