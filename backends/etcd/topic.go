package etcd

import (
	"context"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/kv"
)

// topic is one key's watch with everybody in this process who waits on it. It belongs to no caller's ctx.
//
//	opening ──created──▶ armed ──stream lost──▶ armed (resumes after the last revision seen)
//	   ▲                   │
//	   └────compacted──────┘     any ──refused, closed──▶ finished
//
// Once armed, every change is told, so a waiter that joined, then saw the topic armed, then read the record at its version,
// will learn of the first change after it.
type topic struct {
	hub     *hub
	key     kv.Key
	ctx     context.Context
	cancel  context.CancelFunc
	waiters int // guarded by hub.mu

	finished chan struct{} // closed when run has ended
	err      error         // why; written before

	// The watch's own state; only run touches it.
	seen  int64 // nothing up to this revision is missing; zero while opening
	blind bool  // changes were missed: the present state must be told

	mu      sync.Mutex
	last    *news         // the one to be told next, or the end
	armed   chan struct{} // closed while armed
	reading bool          // a shared read is under way
	next    *sharedRead   // the one that comes after it
}

func newTopic(h *hub, key kv.Key) *topic {
	t := &topic{
		hub:      h,
		key:      key,
		finished: make(chan struct{}),
		last:     newNews(),
		armed:    make(chan struct{}),
	}
	t.ctx, t.cancel = context.WithCancel(h.s.ctx)
	return t
}

// tail is the news that has not been told yet.
func (t *topic) tail() *news {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last
}

// standing returns the channel that is closed while the watch stands.
func (t *topic) standing() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.armed
}

// run keeps the watch until nobody waits any more, the storage is closed, or the store refuses the caller.
func (t *topic) run() {
	t.finish(t.keep())
}

// keep follows the watch and opens it again until the topic's ctx ends, or the store refuses it, which is the error.
func (t *topic) keep() error {
	for n := 0; ; n++ {
		armed, err := t.follow()
		if t.ctx.Err() != nil {
			return kv.ErrClosed
		}
		if armed {
			n = 0
		}
		switch {
		case compacted(err):
			t.disarm()
		case !transient(err):
			if no := t.refusal(); no != nil {
				return no
			}
		}
		t.hub.s.opts.Logger.Info("watch lost, opening it again", "key", t.key, "err", err)
		_ = pause(t.ctx, jittered(n, 10*time.Millisecond, time.Second)) // the end of ctx is seen above
	}
}

// follow opens the watch, after the last revision seen or from now, and tells changes until it ends; the error says why.
// It reports whether the watch stood.
func (t *topic) follow() (armed bool, err error) {
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	from := t.seen
	if from > 0 {
		from++
	}
	for resp := range t.hub.s.watch(ctx, []byte(t.key), nil, from) {
		if err := ending(resp); err != nil {
			return armed, err
		}
		if resp.Created {
			if err := t.arm(resp.Header.GetRevision()); err != nil {
				return armed, err
			}
			armed = true
			continue
		}
		for _, ev := range resp.Events {
			var rec kv.Record
			if ev.Type != clientv3.EventTypeDelete {
				rec = record(ev.Kv)
			}
			t.tell(kv.Version(ev.Kv.ModRevision), rec, false)
		}
		t.seen = max(t.seen, reached(resp))
	}
	return armed, errWatchEnded
}

// arm lets waiters read. After a gap the present state is told first, to those who wait already.
func (t *topic) arm(rev int64) error {
	if t.seen != 0 {
		return nil // resumed
	}
	if t.blind {
		resp, err := t.hub.s.rangeOnce(t.ctx, &pb.RangeRequest{Key: []byte(t.key)})
		if err != nil {
			return err
		}
		var rec kv.Record
		if len(resp.Kvs) > 0 {
			rec = record(resp.Kvs[0])
		}
		t.tell(kv.Version(resp.Header.Revision), rec, true)
		t.blind = false
	}
	t.seen = rev
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.armed)
	return nil
}

// disarm begins anew after a compaction.
func (t *topic) disarm() {
	if t.seen == 0 {
		return
	}
	t.seen, t.blind = 0, true
	t.mu.Lock()
	defer t.mu.Unlock()
	t.armed = make(chan struct{})
}

// tell writes the next news.
func (t *topic) tell(rev kv.Version, rec kv.Record, state bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.last
	n.rev, n.rec, n.state, n.next = rev, rec, state, newNews()
	t.last = n.next
	close(n.told)
}

// refusal asks the store with a plain read whether it refuses this caller. The words in which a watch is refused say less.
func (t *topic) refusal() error {
	_, err := t.hub.s.get(t.ctx, t.key)
	if err != nil && refused(err) {
		return err
	}
	return nil
}

// finish ends all waits on the topic with err. The last news stays the last, for those who join before the hub has dropped
// the topic.
func (t *topic) finish(err error) {
	t.err = err
	close(t.finished)
	t.mu.Lock()
	t.last.end = err
	close(t.last.told)
	t.mu.Unlock()
	t.hub.drop(t)
}
