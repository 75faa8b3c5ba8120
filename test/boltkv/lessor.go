package boltkv

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/coordkit/coord/kv"
)

// minTTL is the shortest lease: what is kept alive is written to the file three times in each TTL.
const minTTL = 100 * time.Millisecond

// lessor is a Storage's leases. It is the Storage by another name, so that Lessor always returns the same.
type lessor Storage

var _ kv.Lessor = (*lessor)(nil)

// Lessor implements kv.Storage.
func (s *Storage) Lessor() kv.Lessor { return (*lessor)(s) }

// NewLease implements kv.Lessor. A TTL of less than 100 ms is rounded up to that.
func (ls *lessor) NewLease(ctx context.Context, ttl time.Duration, keepAlive bool) (kv.Lease, error) {
	s := (*Storage)(ls)
	if err := s.check(ctx, kv.ValidateTTL(ttl)); err != nil {
		return nil, opError("new lease", "", err)
	}
	l := &lease{by: s, ttl: max(ttl, minTTL), keepAlive: keepAlive}
	_, err := s.d.update(func(tx *tx) (kv.Version, error) {
		n, err := tx.next()
		if err != nil {
			return 0, err
		}
		l.id = kv.LeaseId(n)
		return 0, tx.extend(l, time.Now())
	})
	if err != nil {
		return nil, opError("new lease", "", err)
	}
	return l, nil
}

// GetLease implements kv.Lessor.
func (ls *lessor) GetLease(id kv.LeaseId) (kv.Lease, error) {
	s := (*Storage)(ls)
	if err := s.check(context.Background(), nil); err != nil {
		return nil, opError("get lease", "", err)
	}
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	l := s.d.leases[id]
	switch {
	case l == nil:
		return nil, opError("get lease", "", kv.ErrWrongLeaseId)
	case l.by == s:
		return l, nil // one's own is the same handle
	}
	return &snapshot{s: s, lease: l, end: *l.end.Load()}, nil
}

// lease is a lease in the file, and the handle on it of the Storage that granted it.
type lease struct {
	by        *Storage // who granted it; nil if that was before the file was opened
	id        kv.LeaseId
	ttl       time.Duration
	keepAlive bool                      // guarded by store.mu
	end       atomic.Pointer[time.Time] // when it runs out; TTL reads it without mu, which is held while the disk writes
}

// Id implements kv.Lease.
func (l *lease) Id() kv.LeaseId { return l.id }

// TTL implements kv.Lease. It is counted to the very end by which the store goes, on the same clock, so there is no margin. A store
// with a clock of its own counts from before the request was sent, and takes a margin off.
func (l *lease) TTL() time.Duration { return time.Until(*l.end.Load()) }

// Release implements kv.Lease.
func (l *lease) Release() error { return opError("release lease", "", l.by.release(l)) }

func (s *Storage) release(l *lease) error {
	s.d.mu.Lock()
	defer s.d.mu.Unlock()
	l.keepAlive = false // also if what follows fails
	if s.d.leases[l.id] == nil {
		return nil // over already
	}
	if err := s.check(context.Background(), nil); err != nil {
		return err
	}
	_, err := s.d.updateLocked(func(tx *tx) (kv.Version, error) { return 0, tx.end(l) })
	return err
}

// snapshot is a handle on a lease that this Storage did not grant: what it tells was true when it was made, and only counts down.
type snapshot struct {
	s     *Storage
	lease *lease
	end   time.Time
}

// Id implements kv.Lease.
func (n *snapshot) Id() kv.LeaseId { return n.lease.id }

// TTL implements kv.Lease.
func (n *snapshot) TTL() time.Duration { return min(time.Until(n.end), n.lease.TTL()) }

// Release implements kv.Lease.
func (n *snapshot) Release() error { return opError("release lease", "", n.s.release(n.lease)) }
