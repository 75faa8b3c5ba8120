package registry

import (
	"time"

	"github.com/coordkit/coord/kv"
)

// endLease ends the lease of the record that is in the way, and the record with it. That hits nobody else: a lease belongs to one
// registration, while by now the key could be another's.
func (k *keeper) endLease(id kv.LeaseId) error {
	l, err := k.st.Lessor().GetLease(id)
	if err != nil {
		return err // it may be that it has just gone, and the record with it: look again, after a while
	}
	if err := l.Release(); err != nil {
		return err
	}
	k.version, k.unsure = 0, false
	return nil
}

// rival is a stranger's record under the instance's ID.
type rival struct {
	version kv.Version
	stays   bool // no lease takes it away
}

// meet deals with a stranger under the instance's ID. One that has said farewell is cleared away, and so is any other if that is
// the policy. One without a lease was made by hand, and is for a hand to remove; so is, as long as it lives, what cannot be read.
func (k *keeper) meet(r kv.Record, d record, bad error) error {
	other := &DuplicateError{Holder: k.bare(r), Err: bad}
	if bad == nil {
		other.Holder = d.instance(k.service, k.id, r)
	}
	k.version = 0
	k.rival = rival{version: r.Version, stays: r.Lease == kv.NoLeaseId}
	if bad != nil || r.Lease == kv.NoLeaseId || d.Status != left && k.r.opts.OnDuplicate != Replace {
		return other
	}
	k.lose(other)
	if k.delay > 0 {
		k.rest()
	}
	if k.life.Err() != nil {
		return k.life.Err()
	}
	return k.endLease(r.Lease)
}

// contest waits until the stranger's record changes or goes. When joining it does so only as far as the policy goes.
func (k *keeper) contest(other *DuplicateError) {
	wait := forever
	if k.joining() {
		if k.deadline.IsZero() {
			k.deadline = time.Now().Add(2 * k.ttl)
		}
		wait = time.Until(k.deadline)
		if k.r.opts.OnDuplicate != WaitExpiry || k.rival.stays || wait <= 0 {
			k.giveUp(other)
			return
		}
	}
	k.lose(other)
	k.neglect() // a wait on an earlier version
	k.await(min(wait, k.attend(k.rival.version)), nil)
}

// bare is a DuplicateError's holder of whom nothing is known but the record's key.
func (k *keeper) bare(r kv.Record) *Instance {
	return &Instance{Service: k.service, ID: k.id, Key: r.Key, Revision: r.Version, Lease: r.Lease}
}
