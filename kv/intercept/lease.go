package intercept

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
	s, c := (*Storage)(ls), Call{Op: OpNewLease}
	if err := invalid(ctx, c, kv.ValidateTTL(ttl)); err != nil {
		return nil, err
	}
	a := &answer[kv.Lease]{drop: abandon}
	under, err := a.call(ctx, s, c, func(ctx context.Context) (kv.Lease, error) {
		return s.st.Lessor().NewLease(ctx, ttl, keepAlive)
	})
	if err != nil {
		return nil, err
	}
	return s.lease(under), nil
}

// abandon leaves a lease that nobody will know of to run out. One whose renewal cannot be stopped is ended.
func abandon(under kv.Lease) {
	if k, ok := under.(keeper); ok {
		k.StopKeepAlive()
	} else {
		_ = under.Release()
	}
}

// GetLease implements kv.Lessor.
func (ls *lessor) GetLease(id kv.LeaseId) (kv.Lease, error) {
	s := (*Storage)(ls)
	under, err := call(context.Background(), s, Call{Op: OpGetLease, Lease: id}, func(context.Context) (kv.Lease, error) {
		return s.st.Lessor().GetLease(id)
	})
	if err != nil {
		return nil, err
	}
	return s.lease(under), nil
}

// What a lease may offer, see [kv.Lease].
type (
	ender  interface{ Done() <-chan struct{} }
	keeper interface{ StopKeepAlive() }
)

// lease is a lease whose Release goes through the interceptor. It is a value, so that two of them are equal when the leases beneath
// are: GetLease of one's own lease returns what NewLease did.
type lease struct {
	kv.Lease // beneath
	s        *Storage
}

// lease returns the lease with what it offers and no more.
func (s *Storage) lease(under kv.Lease) kv.Lease {
	l := lease{under, s}
	e, ends := under.(ender)
	k, keeps := under.(keeper)
	switch {
	case ends && keeps:
		return struct {
			lease
			ender
			keeper
		}{l, e, k}
	case ends:
		return struct {
			lease
			ender
		}{l, e}
	case keeps:
		return struct {
			lease
			keeper
		}{l, k}
	}
	return l
}

// Release implements kv.Lease. The renewal stops in any case, also if the interceptor refuses.
func (l lease) Release() error {
	if k, ok := l.Lease.(keeper); ok {
		k.StopKeepAlive()
	}
	c := Call{Op: OpReleaseLease, Lease: l.Id()}
	return callOnly(context.Background(), l.s, c, func(context.Context) error { return l.Lease.Release() })
}
