package etcd

import (
	"context"
	"errors"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/coordkit/coord/kv"
)

// A page of a range is one message, which server and client hold whole: at most so many records, and after the first page about
// so many bytes by what the values were like so far.
const (
	firstPage = 256
	maxPage   = 1000
	pageBytes = 2 << 20
)

// GetRange returns the records from startKey to endKey as they were at one moment. A large range is read in pages at the
// revision of the first; if that is compacted away meanwhile, the reading starts again.
func (s *Storage) GetRange(ctx context.Context, startKey, endKey kv.Key) (kv.Records, error) {
	err := kv.ValidateContext(ctx)
	if err == nil {
		err = s.ready(ctx)
	}
	if err != nil {
		return nil, opError("get range", startKey, err)
	}
	recs, _, err := s.getRange(ctx, startKey, endKey)
	if err != nil {
		return nil, opError("get range", startKey, err)
	}
	return recs, nil
}

// getRange returns the records and the revision they were read at. An empty range is not asked for and has none.
func (s *Storage) getRange(ctx context.Context, startKey, endKey kv.Key) (kv.Records, int64, error) {
	first, end, ok := bounds(startKey, endKey)
	if !ok {
		return kv.Records{}, 0, nil
	}
	for {
		recs, rev, err := s.pages(ctx, first, end)
		if !errors.Is(err, rpctypes.ErrCompacted) {
			return recs, rev, err
		}
	}
}

// pages reads one range at one revision. It fails with rpctypes.ErrCompacted if that revision is gone before the end.
func (s *Storage) pages(ctx context.Context, first, end []byte) (kv.Records, int64, error) {
	recs := kv.Records{}
	bytes := 0
	req := &pb.RangeRequest{Key: first, RangeEnd: end, Limit: firstPage}
	for {
		resp, err := s.rangeOnce(ctx, req)
		if err != nil {
			return nil, 0, err
		}
		if req.Revision == 0 {
			req.Revision = resp.Header.Revision
			recs = make(kv.Records, 0, len(resp.Kvs))
		}
		for _, p := range resp.Kvs {
			recs = append(recs, record(p))
			bytes += len(p.Key) + len(p.Value)
		}
		if !resp.More || len(resp.Kvs) == 0 {
			return recs, req.Revision, nil
		}
		req.Key = append([]byte(recs[len(recs)-1].Key), 0)
		req.Limit = pageLimit(len(recs), bytes)
	}
}

// pageLimit is how many records to ask for next, after so many of so many bytes in all.
func pageLimit(n, bytes int) int64 {
	each := bytes/n + 1
	return int64(min(max(pageBytes/each, 1), maxPage))
}
