package memory

import (
	"bytes"
	"sync"
	"time"

	"github.com/google/btree"

	"github.com/coordkit/coord/kv"
)

// data is the store that handles share.
type data struct {
	born time.Time // what the ends of leases count from; never changes

	mu      sync.RWMutex
	version kv.Version           // the last one given
	items   map[kv.Key]*item     // for points: four times faster than the tree
	sorted  *btree.BTreeG[*item] // for ranges: the same items by key
	leases  map[kv.LeaseId]*lease
	ends    ends          // the leases that run out, the next one first
	timer   *time.Timer   // fires at alarm, when the next lease runs out or before; nil until there is one
	alarm   time.Duration // counted from born; never if the timer does not run
	watches map[*watch]struct{}
}

// item is a record in the store, guarded by data.mu but for its key, which never changes. What a Get or a CasByVersion needs comes
// first, so that it lies together.
type item struct {
	key     kv.Key
	value   kv.Value // in room, where the next one is written over it; or longer, and replaced, never written to
	version kv.Version
	lease   *lease  // nil for NoLeaseId
	next    *change // what waiters wait for; nil while there are none
	room    room

	created       kv.Version // the version that it was created with
	before, after *item      // in the lease's list
}

// change is the first change of an item after a version. All waiters of that version share it.
type change struct {
	done   chan struct{} // closed when record is written
	record kv.Record     // zero if the item was deleted; its value is the store's own
}

const degree = 32 // of the tree

func newData() *data {
	return &data{
		born:    time.Now(),
		version: kv.Version(time.Now().UnixNano()),
		items:   make(map[kv.Key]*item),
		sorted:  btree.NewG(degree, func(a, b *item) bool { return a.key < b.key }),
		leases:  make(map[kv.LeaseId]*lease),
		alarm:   never,
		watches: make(map[*watch]struct{}),
	}
}

// nextLocked returns the next number of the counter that gives versions, lease ids and positions.
func (d *data) nextLocked() kv.Version {
	d.version++
	return d.version
}

// viewLocked returns the item as a record whose value is the store's own, for as long as the lock is held.
func (it *item) viewLocked() kv.Record {
	r := kv.Record{Key: it.key, Value: it.value, Version: it.version}
	if it.lease != nil {
		r.Lease = it.lease.id
	}
	return r
}

// recordLocked returns the item as a record that will not change and that many may share. It is to be passed through own, outside the
// lock.
func (it *item) recordLocked() kv.Record {
	r := it.viewLocked()
	if len(r.Value) <= len(it.room) {
		r.Value = it.room.copy(len(r.Value))
	}
	return r
}

// own makes the record the caller's own.
func own(r kv.Record) kv.Record {
	r.Value = bytes.Clone(r.Value)
	return r
}

// tellLocked tells waiters the change to r.
func (it *item) tellLocked(r kv.Record) {
	if it.next != nil {
		it.next.record = r
		close(it.next.done)
		it.next = nil
	}
}

func (d *data) createLocked(r kv.Record) (kv.Version, error) {
	if it, ok := d.items[r.Key]; ok {
		return it.version, kv.ErrAlreadyExists
	}
	var l *lease
	if r.Lease != kv.NoLeaseId {
		if l = d.leases[r.Lease]; l == nil {
			return 0, kv.ErrWrongLeaseId
		}
	}
	v := d.nextLocked()
	it := &item{key: r.Key, version: v, created: v}
	it.putLocked(r.Value)
	if l != nil {
		l.bindLocked(it)
	}
	d.items[r.Key] = it
	d.sorted.ReplaceOrInsert(it)
	d.publishPutLocked(it)
	return v, nil
}

func (d *data) casLocked(r kv.Record) (kv.Version, error) {
	it, ok := d.items[r.Key]
	switch {
	case !ok:
		return 0, kv.ErrNotFound
	case it.version != r.Version:
		return it.version, kv.ErrWrongVersion
	}
	it.putLocked(r.Value)
	it.version = d.nextLocked()
	if it.next != nil {
		it.tellLocked(it.recordLocked())
	}
	d.publishPutLocked(it)
	return it.version, nil
}

func (d *data) deleteLocked(key kv.Key) error {
	it, ok := d.items[key]
	if !ok {
		return kv.ErrNotFound
	}
	if it.lease != nil {
		it.lease.unbindLocked(it)
	}
	d.removeLocked(it)
	d.publishDeletesLocked([]kv.Key{key})
	return nil
}

// removeLocked removes the item but from its lease's list, and publishes nothing.
func (d *data) removeLocked(it *item) {
	delete(d.items, it.key)
	d.sorted.Delete(it)
	it.tellLocked(kv.Record{})
}

// eachLocked calls f for the items from start to end, both included, in order. An empty end is before everything.
func (d *data) eachLocked(start, end kv.Key, f func(*item)) {
	if emptyRange(start, end) {
		return
	}
	d.sorted.AscendGreaterOrEqual(&item{key: start}, func(it *item) bool {
		if it.key > end {
			return false
		}
		f(it)
		return true
	})
}

// emptyRange reports whether nothing can be in the range.
func emptyRange(start, end kv.Key) bool { return end == "" || start > end }
