package boltkv

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/coordkit/coord/kv"
)

// begin makes the buckets, reads the leases back, and ends those that have run out.
func (d *store) begin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timer = time.AfterFunc(math.MaxInt64, d.ring)
	_, err := d.updateLocked(func(tx *tx) (kv.Version, error) {
		for _, name := range []string{records, leases, bound} {
			if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
				return 0, err
			}
		}
		return 0, tx.bucket(leases).ForEach(d.readLocked)
	})
	if err != nil {
		return err
	}
	return d.doDueLocked(time.Now())
}

// readLocked reads a lease back. Nobody keeps it alive: who did is gone, with the process or with Close. The file has its end by the
// wall clock, which may have been set back since, so it is never further off than a TTL; in memory it counts by the monotonic one.
func (d *store) readLocked(id, data []byte) error {
	ttl, end := unpair(data)
	l := &lease{id: kv.LeaseId(binary.BigEndian.Uint64(id)), ttl: time.Duration(ttl)}
	l.setEnd(time.Now().Add(min(time.Until(time.UnixMilli(end)), l.ttl)))
	d.leases[l.id] = l
	return nil
}

func (l *lease) setEnd(end time.Time) { l.end.Store(&end) }

// extend lets the lease run out a TTL from now, in the file first.
func (tx *tx) extend(l *lease, now time.Time) error {
	end := now.Add(l.ttl)
	tx.OnCommit(func() {
		l.setEnd(end)
		tx.d.leases[l.id] = l
		tx.d.setTimerLocked()
	})
	return tx.bucket(leases).Put(number(int64(l.id)), pair(int64(l.ttl), end.UnixMilli()))
}

// end ends the lease and removes its records, all in this transaction.
func (tx *tx) end(l *lease) error {
	tx.OnCommit(func() { // before those who wait for the records are told, so that they find it over
		l.setEnd(time.Now())
		delete(tx.d.leases, l.id)
	})
	for _, r := range tx.boundTo(l.id) {
		if err := tx.remove(r); err != nil {
			return err
		}
	}
	return tx.bucket(leases).Delete(number(int64(l.id)))
}

// due is when something must be done about the lease: with a third of its TTL gone it is renewed, if somebody keeps it; at its end
// it is ended.
func (l *lease) due() time.Time {
	if l.keepAlive && l.by.open.Err() == nil {
		return l.end.Load().Add(-l.ttl / 3 * 2)
	}
	return *l.end.Load()
}

// setTimerLocked lets the one timer ring when the next lease is due. (Looking at all of them is for brevity; many want a heap.)
func (d *store) setTimerLocked() {
	next := time.Duration(math.MaxInt64)
	for _, l := range d.leases {
		next = min(next, time.Until(l.due()))
	}
	d.timer.Reset(next)
}

// ring is called by the timer.
func (d *store) ring() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.handles == 0 || d.failed.Load() {
		return // closed, or not to be trusted; then TTLs run down
	}
	if err := d.doDueLocked(time.Now()); err != nil {
		d.failed.Store(true)
	}
}

// doDueLocked does what is due, in one transaction. A lease whose end has come is ended even if somebody keeps it: its TTL has been
// seen at zero, and what is lost stays lost.
func (d *store) doDueLocked(now time.Time) error {
	_, err := d.updateLocked(func(tx *tx) (v kv.Version, err error) {
		for _, l := range d.leases {
			switch {
			case !l.end.Load().After(now):
				err = tx.end(l)
			case !l.due().After(now):
				err = tx.extend(l, now)
			}
			if err != nil {
				return 0, err
			}
		}
		return 0, nil
	})
	d.setTimerLocked()
	return err
}
