package etcd

import "github.com/coordkit/coord/kv"

// sharedRead is one read of a topic's key for all who asked for it before it began. Those who ask while it is under way get
// the next one: a read that began before a waiter registered may be older than what the waiter must not miss.
type sharedRead struct {
	done chan struct{} // closed when rec and err are written
	rec  kv.Record
	err  error
}

// read returns a read that has not begun yet, and sees to it that it will.
func (t *topic) read() *sharedRead {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.next == nil {
		t.next = &sharedRead{done: make(chan struct{})}
	}
	r := t.next
	if !t.reading {
		t.beginLocked()
	}
	return r
}

// beginLocked starts the next read, if one is wanted.
func (t *topic) beginLocked() {
	r := t.next
	t.next, t.reading = nil, r != nil
	if r == nil {
		return
	}
	finish := func(rec kv.Record, err error) {
		r.rec, r.err = rec, err
		close(r.done)
	}
	if !t.hub.s.start(func() {
		finish(t.hub.s.get(t.ctx, t.key))
		t.mu.Lock()
		defer t.mu.Unlock()
		t.beginLocked()
	}) {
		finish(kv.Record{}, kv.ErrClosed)
		t.reading = false
	}
}
