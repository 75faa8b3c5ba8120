package registry

import (
	"context"
	"errors"
	"time"

	"github.com/coordkit/coord/kv"
)

// leave ends the registration in the store, as well as that can be done before its lease has run out. The renewal stops first, so
// whatever becomes of the rest, nothing of the instance outlives that time.
func (k *keeper) leave() {
	k.neglect()
	if k.lease == nil {
		k.settle(nil)
		return
	}
	if !stopRenewal(k.lease) {
		defer func() { _ = k.lease.Release() }() // whatever comes of it, or it would be renewed for ever
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(k.life), k.ttl)
	defer cancel()
	k.tries = newRetries(k.ttl)
	for {
		err := k.part(ctx)
		if err == nil {
			k.settle(nil)
			break
		}
		if errors.Is(err, kv.ErrClosed) {
			k.settle(err)
			return
		}
		if !k.pauseIn(ctx) {
			k.settle(uncertainFarewell(err))
			return
		}
	}
	if k.version != 0 && k.owed {
		if err := insistEpoch(ctx, k.st, k.service, k.id, k.tries); err != nil {
			k.log.Warn("telling readers of a farewell failed", "err", err)
		}
	}
	if k.detached { // nothing else would take it away, and nobody could have the ID
		if err := k.st.Delete(ctx, k.key); err != nil && !errors.Is(err, kv.ErrNotFound) {
			k.log.Warn("deleting a farewell without a lease failed", "err", err)
		}
	}
}

func (k *keeper) pauseIn(ctx context.Context) bool {
	timer := time.NewTimer(k.tries.Next())
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// part does what is left to do to leave: the farewell, if the store has the record, and otherwise the end of the lease, so that
// no create can arrive afterwards.
func (k *keeper) part(ctx context.Context) error {
	k.mu.Lock()
	withdrawn := k.withdrawn
	k.mu.Unlock()
	if withdrawn {
		k.version = 0
		return k.endLeases()
	}
	for {
		if k.unsure {
			if err := k.lookBack(ctx); err != nil {
				return err
			}
		}
		switch {
		case k.version == 0:
			if !k.dirty && len(k.strays) == 0 {
				k.settle(nil) // there is nothing to say farewell for, and the end of the lease is a courtesy
			}
			return k.endLeases()
		case k.stored.Status == left:
			return nil
		}
		if err := k.sayFarewell(ctx); err != nil {
			return err
		}
	}
}

// endLeases ends all leases that the registration has, or has had and may have yet.
func (k *keeper) endLeases() error {
	if err := k.endStrays(); err != nil {
		return err
	}
	return k.lease.Release()
}

// lookBack reads whether there is a record of this registration to say farewell in.
func (k *keeper) lookBack(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callBound)
	defer cancel()
	r, err := k.st.Get(ctx, k.key)
	if err != nil && !errors.Is(err, kv.ErrNotFound) {
		return err
	}
	k.unsure, k.version, k.detached = false, 0, false
	if err != nil {
		return nil
	}
	d, bad := decodeRecord(r)
	if k.ours(r) || bad == nil && d.Incarnation == k.base.Incarnation {
		k.version, k.stored, k.detached = r.Version, d, r.Lease == kv.NoLeaseId
	}
	return nil
}

// sayFarewell gives the record the status left. What that has come to is for the next look to say if it returns nil and the
// record does not have it.
func (k *keeper) sayFarewell(ctx context.Context) error {
	k.mu.Lock()
	i := k.wanted
	k.mu.Unlock()
	i.Status = left
	d, value, err := k.record(i)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callBound)
	defer cancel()
	return k.replace(ctx, d, value)
}
