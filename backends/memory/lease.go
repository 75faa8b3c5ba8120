package memory

import (
	"context"
	"time"

	"github.com/coordkit/coord/kv"
)

// lease is a lease in the store, and the handle on it of the Storage that granted it. Its fields are guarded by d.mu, but those
// that never change.
type lease struct {
	s    *Storage // who granted it; never changes
	id   kv.LeaseId
	ttl  time.Duration
	done chan struct{} // closed when the lease is over

	items map[*item]struct{} // what goes with it
	end   time.Time          // when it runs out; zero while it is renewed
	place int                // in the heap of ends; -1 if it is not there
	over  bool
}

// Lessor implements kv.Storage.
func (s *Storage) Lessor() kv.Lessor { return (*lessor)(s) }

type lessor Storage

// NewLease implements kv.Lessor.
func (ls *lessor) NewLease(ctx context.Context, ttl time.Duration, keepAlive bool) (kv.Lease, error) {
	s := (*Storage)(ls)
	if err := s.begin(ctx, kv.ValidateTTL(ttl)); err != nil {
		return nil, opError("new lease", "", err)
	}
	defer s.d.mu.Unlock()
	l := &lease{
		s: s, id: kv.LeaseId(s.d.nextLocked()), ttl: ttl,
		done: make(chan struct{}), items: make(map[*item]struct{}), place: -1,
	}
	s.d.leases[l.id] = l
	if keepAlive {
		s.kept[l] = struct{}{}
	} else {
		l.runOutLocked(ttl)
		s.d.rearmLocked()
	}
	return l, nil
}

// GetLease implements kv.Lessor.
func (ls *lessor) GetLease(id kv.LeaseId) (kv.Lease, error) {
	s := (*Storage)(ls)
	if err := s.begin(context.Background(), nil); err != nil {
		return nil, opError("get lease", "", err)
	}
	defer s.d.mu.Unlock()
	l := s.d.leases[id]
	switch {
	case l == nil:
		return nil, opError("get lease", "", kv.ErrWrongLeaseId)
	case l.s == s:
		return l, nil
	}
	return &snapshot{s: s, lease: l, until: time.Now().Add(l.leftLocked())}, nil
}

// Id implements kv.Lease.
func (l *lease) Id() kv.LeaseId { return l.id }

// TTL implements kv.Lease.
func (l *lease) TTL() time.Duration {
	l.s.d.mu.Lock()
	defer l.s.d.mu.Unlock()
	return l.leftLocked()
}

// leftLocked is how long the lease lives if it is not renewed from now on.
func (l *lease) leftLocked() time.Duration {
	switch {
	case l.over:
		return 0
	case l.end.IsZero():
		return l.ttl
	}
	return time.Until(l.end)
}

// Done returns a channel that is closed when the lease is over.
func (l *lease) Done() <-chan struct{} { return l.done }

// StopKeepAlive ends the renewal: the lease runs out a TTL from now, or from the cut if its handle is cut off.
func (l *lease) StopKeepAlive() {
	l.s.d.mu.Lock()
	defer l.s.d.mu.Unlock()
	l.stopLocked()
}

func (l *lease) stopLocked() {
	delete(l.s.kept, l)
	if !l.over && l.end.IsZero() {
		l.runOutLocked(l.ttl)
		l.s.d.rearmLocked()
	}
}

// Release implements kv.Lease.
func (l *lease) Release() error {
	l.StopKeepAlive()
	return l.s.release(l)
}

// release ends a lease of whatever handle, through the handle s.
func (s *Storage) release(l *lease) error {
	if err := s.begin(context.Background(), nil); err != nil {
		return opError("release lease", "", err)
	}
	defer s.d.mu.Unlock()
	s.d.endLocked(l)
	return nil
}

// snapshot is the handle on another handle's lease: its time left only counts down.
type snapshot struct {
	s     *Storage
	lease *lease
	until time.Time
}

// Id implements kv.Lease.
func (n *snapshot) Id() kv.LeaseId { return n.lease.id }

// TTL implements kv.Lease.
func (n *snapshot) TTL() time.Duration { return time.Until(n.until) }

// Release implements kv.Lease.
func (n *snapshot) Release() error { return n.s.release(n.lease) }
