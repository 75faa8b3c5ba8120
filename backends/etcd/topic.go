package etcd

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/kv"
)

// topic is one key's watch with everybody in this process who waits on it. It belongs to no caller's ctx.
//
//	opening ──created──▶ armed ──stream lost──▶ armed (resumes after the last revision seen)
//	   ▲                   │
//	   └────compacted──────┘     any ──refused──▶ failed
//
// Once armed, every change is seen, so a waiter that registered, then saw the topic armed, then read the record at its
// version, will be told of the first change after it. A waiter keeps the first change it is offered, and takes it only
// once its read has shown that its version was the present one.
type topic struct {
	hub    *hub
	key    kv.Key
	ctx    context.Context
	cancel context.CancelFunc

	failed chan struct{} // closed when the store has refused for good
	err    error         // why; written before failed is closed

	// The watch's own state; only run touches it.
	seen  int64 // nothing up to this revision is missing; zero while opening
	blind bool  // changes were missed: the present state must be shown to those who waited

	mu      sync.Mutex
	waiters map[*waiter]struct{}
	joined  uint64        // how many ever joined
	armed   chan struct{} // closed while armed
	reading bool          // a shared read is under way
	next    *sharedRead   // the one that comes after it
}

// waiter is one call that waits.
type waiter struct {
	topic   *topic
	version kv.Version
	number  uint64 // in the order of joining

	out  chan change // of one; the first change after version
	full bool        // out has been filled; guarded by topic.mu
}

// change is what happened to a key: the record that came, or the zero record for a deletion.
type change struct {
	rec kv.Record
}

func newTopic(h *hub, key kv.Key) *topic {
	t := &topic{
		hub:     h,
		key:     key,
		failed:  make(chan struct{}),
		waiters: make(map[*waiter]struct{}),
		armed:   make(chan struct{}),
	}
	t.ctx, t.cancel = context.WithCancel(h.s.ctx)
	return t
}

// add registers a waiter.
func (t *topic) add(version kv.Version) *waiter {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.joined++
	w := &waiter{topic: t, version: version, number: t.joined, out: make(chan change, 1)}
	t.waiters[w] = struct{}{}
	return w
}

// remove takes a waiter back and returns how many are left.
func (t *topic) remove(w *waiter) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.waiters, w)
	return len(t.waiters)
}

// standing returns the channel that is closed while the watch stands.
func (t *topic) standing() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.armed
}

// run keeps the watch until the topic's ctx ends or the store refuses it.
func (t *topic) run() {
	for n := 0; ; n++ {
		armed, err := t.follow()
		if t.ctx.Err() != nil {
			return
		}
		if armed {
			n = 0
		}
		switch {
		case compacted(err):
			t.disarm()
		case !transient(err):
			if no := t.refusal(); no != nil {
				t.fail(no)
				return
			}
		}
		t.hub.s.opts.Logger.Info("watch lost, opening it again", "key", t.key, "err", err)
		if pause(t.ctx, jittered(n, 10*time.Millisecond, time.Second)) != nil {
			return
		}
	}
}

// follow opens the watch, after the last revision seen or from now, and hands changes out until it ends; the error says
// why. It reports whether the watch stood.
func (t *topic) follow() (armed bool, err error) {
	ctx, cancel := context.WithCancel(t.ctx)
	defer cancel()
	from := t.seen
	if from > 0 {
		from++
	}
	for resp := range t.hub.s.watch(ctx, []byte(t.key), nil, from) {
		if err := resp.Err(); err != nil {
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
			var c change
			if ev.Type != clientv3.EventTypeDelete {
				c.rec = record(ev.Kv)
			}
			t.offer(kv.Version(ev.Kv.ModRevision), c)
		}
		t.seen = max(t.seen, reached(resp))
	}
	return armed, errWatchEnded
}

// arm lets waiters read. After a gap the present state comes first, to those who had joined before it was read:
// whoever joins later sees it with a read of its own.
func (t *topic) arm(rev int64) error {
	if t.seen != 0 {
		return nil // resumed
	}
	if t.blind {
		upto := t.everybody()
		rec, err := t.hub.s.get(t.ctx, t.key)
		if err != nil && !errors.Is(err, kv.ErrNotFound) {
			return err
		}
		t.show(rec, upto)
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

// everybody is the number of the last waiter that joined.
func (t *topic) everybody() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.joined
}

// offer gives a change at rev to the waiters that wait for one after an earlier version and have none yet.
func (t *topic) offer(rev kv.Version, c change) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for w := range t.waiters {
		if rev > w.version {
			w.giveLocked(c)
		}
	}
}

// show gives the present record, zero for none, to the waiters up to a number whose version it is not.
func (t *topic) show(rec kv.Record, upto uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for w := range t.waiters {
		if w.number <= upto && rec.Version != w.version {
			w.giveLocked(change{rec: rec})
		}
	}
}

// giveLocked fills out with the first change; the value becomes the waiter's own.
func (w *waiter) giveLocked(c change) {
	if w.full {
		return
	}
	w.full = true
	c.rec.Value = bytes.Clone(c.rec.Value)
	w.out <- c
}

// refusal asks the store with a plain read whether it refuses this caller. The words in which a watch is refused say less.
func (t *topic) refusal() error {
	_, err := t.hub.s.get(t.ctx, t.key)
	if err != nil && refused(err) {
		return err
	}
	return nil
}

// fail ends all waits on the topic with err.
func (t *topic) fail(err error) {
	t.err = err
	close(t.failed)
	t.hub.drop(t)
}
