package etcd

import (
	"context"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"

	"github.com/coordkit/coord/kv"
)

// leaseCall bounds the calls about leases that have no ctx.
const leaseCall = 5 * time.Second

// lease is a [kv.Lease]: one that this storage was granted, or a snapshot of another's.
type lease struct {
	s  *Storage
	id kv.LeaseId

	// What the keeper knows, guarded by its mutex.
	kept     bool      // to be renewed
	due      time.Time // when, or when to look again
	place    int       // in its lane's heap; -1: not in one
	interval time.Duration

	mu      sync.Mutex
	granted time.Duration // the whole TTL in force
	margin  time.Duration // for clocks that run at different rates
	sent    time.Time     // before the request was sent that the store last acknowledged; with both clocks
	over    bool          // released, or gone from the store
	ended   chan struct{} // what Done returns; nil until it is asked for
	isEnded bool          // ended is closed, or would be
	timer   *time.Timer   // looks at the TTL for Done
}

var _ kv.Lease = (*lease)(nil)

func newLease(s *Storage, id kv.LeaseId, granted, whole time.Duration, sent time.Time) *lease {
	return &lease{s: s, id: id, place: -1, granted: granted, margin: margin(whole), sent: sent}
}

// margin is what is taken off a TTL because the server's clock may run faster than this one.
func margin(ttl time.Duration) time.Duration {
	return max(50*time.Millisecond, ttl/100)
}

// Id returns the lease's identity in the store.
func (l *lease) Id() kv.LeaseId { return l.id }

// TTL returns how long the lease can be relied on.
func (l *lease) TTL() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leftLocked(time.Now())
}

func (l *lease) leftLocked(now time.Time) time.Duration {
	if l.over {
		return 0
	}
	// The monotonic clock stands still while the machine sleeps, the wall clock may be set back; the one that says more has
	// passed is believed.
	passed := max(now.Sub(l.sent), now.Round(0).Sub(l.sent.Round(0)))
	return l.granted - l.margin - passed
}

// Done is closed when the lease was released, is gone from the store, or its TTL has come to zero. It stays closed even if
// a renewal succeeds later.
func (l *lease) Done() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended == nil {
		l.ended = make(chan struct{})
		if l.over || l.isEnded || l.leftLocked(time.Now()) <= 0 {
			l.isEnded = true
			close(l.ended)
		} else {
			l.timer = time.AfterFunc(nextLook(l.leftLocked(time.Now())), l.look)
		}
	}
	return l.ended
}

// look closes Done if the time is up.
func (l *lease) look() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isEnded {
		return
	}
	if left := l.leftLocked(time.Now()); left > 0 {
		l.timer.Reset(nextLook(left))
		return
	}
	l.endLocked()
}

// nextLook is when to look at a lease with so much time left: not only at its end, for timers stand still in suspend as well.
func nextLook(left time.Duration) time.Duration {
	return min(left, max(left/4, 100*time.Millisecond))
}

func (l *lease) endLocked() {
	if l.isEnded {
		return
	}
	l.isEnded = true
	if l.timer != nil {
		l.timer.Stop()
	}
	if l.ended != nil {
		close(l.ended)
	}
}

// renewed records that the store acknowledged a renewal sent at a time.
func (l *lease) renewed(sent time.Time, ttl time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if sent.After(l.sent) {
		l.sent, l.granted, l.margin = sent, ttl, margin(ttl)
	}
}

// gone records that the store has no such lease any more.
func (l *lease) gone() {
	l.mu.Lock()
	l.over = true
	l.endLocked()
	l.mu.Unlock()
	l.s.lessor.forget(l)
}

// isOver reports whether the lease is known to be gone.
func (l *lease) isOver() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}

// StopKeepAlive ends the renewal and leaves the lease to run out by itself.
func (l *lease) StopKeepAlive() { l.s.lessor.keeper.remove(l) }

// Release revokes the lease, with every record bound to it.
func (l *lease) Release() error {
	l.StopKeepAlive()
	if l.isOver() {
		return nil
	}
	return opError("release lease", "", l.revoke())
}

func (l *lease) revoke() error {
	if err := l.s.ready(context.Background()); err != nil {
		return err
	}
	err := l.s.bounded(repeatable, func(ctx context.Context, opts []grpc.CallOption) error {
		_, err := l.s.lessor.client.LeaseRevoke(ctx, &pb.LeaseRevokeRequest{ID: int64(l.id)}, opts...)
		return err
	})
	if err == nil || isNoLease(err) {
		l.gone()
		return nil
	}
	return err
}
