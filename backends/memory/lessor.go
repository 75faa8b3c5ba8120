package memory

import (
	"context"
	"time"

	"github.com/coordkit/coord/kv"
)

// lessor is a Storage's leases.
type lessor Storage

var _ kv.Lessor = (*lessor)(nil)

// Lessor implements kv.Storage.
func (s *Storage) Lessor() kv.Lessor { return (*lessor)(s) }

// NewLease implements kv.Lessor.
func (ls *lessor) NewLease(ctx context.Context, ttl time.Duration, keepAlive bool) (kv.Lease, error) {
	s := (*Storage)(ls)
	if err := s.begin(ctx, kv.ValidateTTL(ttl)); err != nil {
		return nil, opError("new lease", "", err)
	}
	defer s.d.mu.Unlock()
	l := &lease{s: s, id: kv.LeaseId(s.d.nextLocked()), ttl: ttl, place: renewed}
	s.d.leases[l.id] = l
	if keepAlive {
		s.kept[l] = struct{}{}
	} else {
		l.runOutLocked()
		s.d.rearmLocked()
	}
	return l, nil
}

// GetLease implements kv.Lessor.
func (ls *lessor) GetLease(id kv.LeaseId) (kv.Lease, error) {
	s := (*Storage)(ls)
	if err := s.beginRead(context.Background(), nil); err != nil {
		return nil, opError("get lease", "", err)
	}
	defer s.d.mu.RUnlock()
	l := s.d.leases[id]
	switch {
	case l == nil:
		return nil, opError("get lease", "", kv.ErrWrongLeaseId)
	case l.s == s:
		return l, nil
	}
	return &snapshot{s: s, lease: l, until: s.d.now() + l.leftLocked()}, nil
}
