package registry

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/coordkit/coord/kv"
)

// grant gets a new lease. The one that it had before is renewed no more.
func (k *keeper) grant() error {
	ctx, cancel := k.call()
	defer cancel()
	lease, err := k.st.Lessor().NewLease(ctx, k.r.opts.TTL, true)
	if err != nil {
		return err
	}
	if k.lease != nil {
		stopRenewal(k.lease)
		k.strays = append(k.strays, stray{k.lease, k.dirty, time.Now().Add(k.ttl)})
	}
	k.lease, k.spent, k.dirty, k.over = lease, false, false, nil
	k.ttl = max(k.r.opts.TTL, lease.TTL())
	if l, ok := lease.(interface{ Done() <-chan struct{} }); ok {
		k.over = l.Done()
	}
	return nil
}

// stray is a lease that the registration had before.
type stray struct {
	kv.Lease
	dirty bool      // a create under it may take effect as long as it is there
	until time.Time // when it has run out by itself
}

// endStrays ends the former leases, so that no create under them can arrive any more. One try is enough, unless there is such a
// create.
func (k *keeper) endStrays() error {
	var failed error
	k.strays = slices.DeleteFunc(k.strays, func(s stray) bool {
		err := s.Release()
		if err != nil {
			failed = err
		}
		return err == nil || !s.dirty || time.Now().After(s.until)
	})
	if len(k.strays) > 0 {
		return failed
	}
	if failed != nil {
		k.log.Warn("ending an old lease failed", "err", failed)
	}
	return nil
}

func stopRenewal(l kv.Lease) bool {
	s, ok := l.(interface{ StopKeepAlive() })
	if ok {
		s.StopKeepAlive()
	}
	return ok
}

// create puts the record into the store, under the lease: a record without one would outlive everybody. Once the outcome of a
// create is unknown, and the record is not there, there is none under that lease any more: the first could arrive late, after the
// next deletion, and bring back what was wanted when it was sent.
func (k *keeper) create() error {
	d, value, err := k.desired()
	if err != nil {
		return err
	}
	ctx, cancel := k.call()
	defer cancel()
	k.owed = true
	version, err := k.st.Create(ctx, kv.Record{Key: k.key, Value: value, Lease: k.lease.Id()})
	switch {
	case err == nil:
		k.wrote(version, d)
	case errors.Is(err, kv.ErrAlreadyExists):
		k.unsure = true
		return nil
	case errors.Is(err, kv.ErrWrongLeaseId):
		k.spent = true
	case errors.Is(err, kv.ErrUncertain):
		k.unsure, k.dirty = true, true
	}
	return err
}

// rewrite puts the wanted data in the place of what is stored.
func (k *keeper) rewrite() error {
	d, value, err := k.desired()
	if err != nil {
		return err
	}
	ctx, cancel := k.call()
	defer cancel()
	return k.replace(ctx, d, value)
}

// replace puts a record in the place of the one that is known. What else there is, if it is not that one, the next look tells.
func (k *keeper) replace(ctx context.Context, d record, value kv.Value) error {
	k.owed = true
	version, err := k.st.CasByVersion(ctx, kv.Record{Key: k.key, Value: value, Version: k.version})
	switch {
	case err == nil:
		k.wrote(version, d)
	case errors.Is(err, kv.ErrWrongVersion), errors.Is(err, kv.ErrNotFound):
		k.unsure = true
		return nil
	case errors.Is(err, kv.ErrUncertain):
		k.unsure = true
	}
	return err
}

// attendAfter is how long after a write of ours the wait on the record begins: of many who join at once none waits before all have
// joined, and one that changes often pays for its writes only. What somebody else does meanwhile is found then.
const attendAfter = time.Second

// wrote notes a write of ours.
func (k *keeper) wrote(version kv.Version, d record) {
	k.has(version, d)
	k.neglect() // it has seen the write, or will, and nothing else: the write was compared with what it waited on
	k.again = time.Now().Add(attendAfter)
}

// has notes a record of ours that the store has.
func (k *keeper) has(version kv.Version, d record) {
	k.version, k.stored = version, d
	k.know(version, k.lease.Id(), d.Ordered == Draining)
}

// desired is the record that is wanted now: what the instance says, and of the record as it was stored last what others have put
// there, an operator's order and the fields that are unknown here.
func (k *keeper) desired() (record, kv.Value, error) {
	k.mu.Lock()
	i := k.wanted
	i.Status = k.statusLocked()
	k.reading = k.gen
	k.mu.Unlock()
	return k.record(i)
}

func (k *keeper) record(i Instance) (record, kv.Value, error) {
	d := k.base
	d.Ordered, d.stored = k.stored.Ordered, k.stored.stored
	d.describe(i)
	value, err := d.encode()
	d.stored = value
	return d, value, err
}

// outdated reports whether the record is not what is wanted. It compares what records say, not bytes: one that was edited by hand
// and says the same is left alone.
func (k *keeper) outdated() bool {
	d, _, err := k.desired()
	return err == nil && !d.saysThe(k.stored)
}

func (d record) saysThe(same record) bool {
	a, errA := json.Marshal(d)
	b, errB := json.Marshal(same)
	return errA == nil && errB == nil && string(a) == string(b)
}

// tellReaders changes the epoch.
func (k *keeper) tellReaders() error {
	ctx, cancel := k.call()
	defer cancel()
	if err := changeEpoch(ctx, k.st, k.service, k.id); err != nil {
		return err
	}
	k.owed = false
	return nil
}

// look reads the record, and decides what there is to do.
func (k *keeper) look() error {
	ctx, cancel := k.call()
	defer cancel()
	r, err := k.st.Get(ctx, k.key)
	if errors.Is(err, kv.ErrNotFound) {
		k.absent()
		return nil
	}
	if err != nil {
		return err
	}
	d, bad := decodeRecord(r)
	switch {
	case k.ours(r):
		return k.adopt(r, d)
	case bad == nil && d.Incarnation == k.base.Incarnation:
		return k.clearAway(r)
	}
	return k.meet(r, d, bad)
}

// ours reports whether the record is under the lease, under which nobody else creates: then it is the instance's own, whatever
// was made of it.
func (k *keeper) ours(r kv.Record) bool { return k.lease != nil && r.Lease == k.lease.Id() }

// adopt takes the record as it is stored: ours, perhaps edited by somebody else. While the lease has not been renewed in time it
// may go at any moment, so the instance is lost still; but nothing is done about it, for it may as well stay.
func (k *keeper) adopt(r kv.Record, d record) error {
	k.has(r.Version, d)
	k.dirty = false // it has arrived: there is never a second one under the same lease
	if k.lease.TTL() <= 0 {
		k.lose(errUnrenewed)
		k.attend(k.version)
		return errUnrenewed
	}
	k.unsure = false
	return nil
}

// absent notes that the record is gone: deleted by hand, if the lease lives, and with the lease if not. The store decides which
// when the record is created again: under a lease that is gone it refuses to.
func (k *keeper) absent() {
	k.version, k.unsure = 0, false
	k.neglect()
	k.know(0, kv.NoLeaseId, k.stored.Ordered == Draining)
	k.spent = k.spent || k.lease.TTL() <= 0
	if !k.joining() {
		k.lose(errGone)
	}
}

// clearAway removes what this registration has left in the store in its former life, and what somebody has detached from its
// lease, so that it would stay for ever. Only a hand can do the latter, and only a hand could put a stranger in its place right
// now; he would come back.
func (k *keeper) clearAway(r kv.Record) error {
	if r.Lease != kv.NoLeaseId {
		return k.endLease(r.Lease)
	}
	ctx, cancel := k.call()
	defer cancel()
	err := k.st.Delete(ctx, r.Key)
	if err == nil || errors.Is(err, kv.ErrNotFound) {
		k.absent()
		return nil
	}
	return err
}
