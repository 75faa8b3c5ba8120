package etcd

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// errWatchEnded is a watch whose channel was closed without a word.
var errWatchEnded = errors.New("watch ended")

// watch opens a watch on first up to end, or on first alone if end is empty. From revision zero it begins with what is written
// from now on.
//
// Now is what to begin with wherever one can read afterwards. A watch from a revision that the store has reached already is
// served by a loop of the server's that runs ten times a second, and whoever waits on it waits for that loop. The one
// from now is served as the write is made. So: watch from now, then read, then wait.
//
// A member that has lost its leader ends the watch rather than keep it silent.
func (s *Storage) watch(ctx context.Context, first, end []byte, rev int64) clientv3.WatchChan {
	opts := []clientv3.OpOption{clientv3.WithCreatedNotify()}
	if len(end) > 0 {
		opts = append(opts, clientv3.WithRange(string(end)))
	}
	if rev > 0 {
		opts = append(opts, clientv3.WithRev(rev))
	}
	return s.open(clientv3.WithRequireLeader(ctx), string(first), opts...)
}

// reached is the revision up to which nothing is missing once resp has been dealt with. Not its header's if there are events: a
// watch that catches up gets them in parts, each with the store's present revision.
func reached(resp clientv3.WatchResponse) int64 {
	if n := len(resp.Events); n > 0 {
		return resp.Events[n-1].Kv.ModRevision
	}
	return resp.Header.GetRevision()
}

// compacted reports whether a watch ended because the revisions it wanted are gone.
func compacted(err error) bool { return errors.Is(err, rpctypes.ErrCompacted) }
