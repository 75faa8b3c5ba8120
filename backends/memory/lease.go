package memory

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/coordkit/coord/kv"
)

// lease is a lease in the store, and the handle on it of the Storage that granted it. Its fields are guarded by data.mu, but those
// that never change. It is kept small: there may be many.
type lease struct {
	s   *Storage // who granted it; never changes
	id  kv.LeaseId
	ttl time.Duration

	items *item         // the list of what is bound to it
	end   time.Duration // when it runs out, counted from the store's birth; of no meaning while it is renewed
	place int           // in the heap of ends; renewed if it is not there
	done  chan struct{} // what Done returns; nil until it is asked for
	over  bool          // in the store
	known bool          // to the handle that granted it, or its TTL is at zero
	told  atomic.Bool   // by the store, which was asked to end it
}

// renewed is the place of a lease that does not run out.
const renewed = -1

// bindLocked puts the item under the lease.
func (l *lease) bindLocked(it *item) {
	it.lease, it.after = l, l.items
	if l.items != nil {
		l.items.before = it
	}
	l.items = it
}

// unbindLocked takes the item from the lease's list.
func (l *lease) unbindLocked(it *item) {
	if it.before == nil {
		l.items = it.after
	} else {
		it.before.after = it.after
	}
	if it.after != nil {
		it.after.before = it.before
	}
}

// removeBoundLocked removes all that is bound to the lease, as one step.
func (d *data) removeBoundLocked(l *lease) {
	if l.items == nil {
		return
	}
	var keys []kv.Key
	for it := l.items; it != nil; it = it.after {
		d.removeLocked(it)
		if len(d.watches) > 0 {
			keys = append(keys, it.key)
		}
	}
	l.items = nil
	d.publishDeletesLocked(keys)
}

// Id implements kv.Lease.
func (l *lease) Id() kv.LeaseId { return l.id }

// TTL implements kv.Lease.
func (l *lease) TTL() time.Duration {
	l.s.d.mu.RLock()
	defer l.s.d.mu.RUnlock()
	return l.leftLocked()
}

// leftLocked is how long the lease lives if it is not renewed from now on, as far as its handle knows.
func (l *lease) leftLocked() time.Duration {
	switch {
	case l.known:
		return 0
	case l.place == renewed:
		return l.ttl
	}
	return l.end - l.s.d.now()
}

// Done returns a channel that is closed when the lease is over as far as its handle knows: a handle that is cut off learns it when
// the TTL comes to zero, or when it is connected again.
func (l *lease) Done() <-chan struct{} {
	l.s.d.mu.Lock()
	defer l.s.d.mu.Unlock()
	if l.done == nil {
		l.done = make(chan struct{})
		if l.known {
			close(l.done)
		}
	}
	return l.done
}

// StopKeepAlive ends the renewal: the lease runs out a TTL from now, or from the cut if its handle is cut off.
func (l *lease) StopKeepAlive() {
	l.s.d.mu.Lock()
	defer l.s.d.mu.Unlock()
	delete(l.s.kept, l)
	if !l.known && l.place == renewed {
		l.runOutLocked()
		l.s.d.rearmLocked()
	}
}

// Release implements kv.Lease. Once it has succeeded it makes no call, so it is nil for ever, though the handle be cut off or
// closed. A lease that ran out while the handle was cut off has not: only the store can say that it is gone.
func (l *lease) Release() error {
	l.StopKeepAlive()
	return l.s.release(l, &l.told)
}

// release ends a lease of whatever handle, through the handle s, unless it was told before that the lease is over.
func (s *Storage) release(l *lease, told *atomic.Bool) error {
	if told.Load() {
		return nil
	}
	if err := s.begin(context.Background(), nil); err != nil {
		return opError("release lease", "", err)
	}
	defer s.d.mu.Unlock()
	s.d.endLocked(l)
	s.d.rearmLocked()
	told.Store(true)
	return nil
}

// snapshot is a handle on another handle's lease: its time left only counts down.
type snapshot struct {
	s     *Storage
	lease *lease
	until time.Duration // counted from the store's birth
	told  atomic.Bool   // by the store, which was asked to end it
}

// Id implements kv.Lease.
func (n *snapshot) Id() kv.LeaseId { return n.lease.id }

// TTL implements kv.Lease.
func (n *snapshot) TTL() time.Duration {
	if n.told.Load() {
		return 0
	}
	return n.until - n.s.d.now()
}

// Release implements kv.Lease.
func (n *snapshot) Release() error { return n.s.release(n.lease, &n.told) }
