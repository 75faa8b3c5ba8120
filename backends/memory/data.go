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
	mu      sync.Mutex
	version kv.Version           // the last one given
	items   map[kv.Key]*item     // for points: four times faster than the tree
	sorted  *btree.BTreeG[*item] // for ranges: the same items by key
	leases  map[kv.LeaseId]*lease
	ends    ends        // the leases that run out, the next one first
	timer   *time.Timer // fires when the next lease runs out, or before
}

// item is a record in the store.
type item struct {
	key     kv.Key
	value   kv.Value // replaced, never written to
	version kv.Version
	created kv.Version // the version that it was created with
	lease   *lease     // nil for NoLeaseId
	next    *change    // what waiters wait for; nil while there are none
}

// change is the first change of an item after a version. All waiters of that version share it.
type change struct {
	done   chan struct{} // closed when record is written
	record kv.Record     // zero if the item was deleted; its value is copied for each waiter
}

const degree = 32 // of the tree

func newData() *data {
	return &data{
		version: kv.Version(time.Now().UnixNano()),
		items:   make(map[kv.Key]*item),
		sorted:  btree.NewG(degree, func(a, b *item) bool { return a.key < b.key }),
		leases:  make(map[kv.LeaseId]*lease),
	}
}

// nextLocked returns the next number of the counter that gives versions and lease ids.
func (d *data) nextLocked() kv.Version {
	d.version++
	return d.version
}

// record returns the item as a record of the caller's own.
func (it *item) record() kv.Record {
	r := kv.Record{Key: it.key, Value: bytes.Clone(it.value), Version: it.version}
	if it.lease != nil {
		r.Lease = it.lease.id
	}
	return r
}

// tell tells waiters the change to r.
func (it *item) tell(r kv.Record) {
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
	it := &item{key: r.Key, value: bytes.Clone(r.Value), version: v, created: v, lease: l}
	d.items[r.Key] = it
	d.sorted.ReplaceOrInsert(it)
	if l != nil {
		l.items[it] = struct{}{}
	}
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
	it.value = bytes.Clone(r.Value)
	it.version = d.nextLocked()
	if it.next != nil {
		it.tell(it.record())
	}
	return it.version, nil
}

func (d *data) removeLocked(it *item) {
	delete(d.items, it.key)
	d.sorted.Delete(it)
	if it.lease != nil {
		delete(it.lease.items, it)
	}
	it.tell(kv.Record{})
}

// eachLocked calls f for the items from start to end, both included, in order. An empty end is before everything.
func (d *data) eachLocked(start, end kv.Key, f func(*item)) {
	d.sorted.AscendGreaterOrEqual(&item{key: start}, func(it *item) bool {
		if it.key > end {
			return false
		}
		f(it)
		return true
	})
}
