package etcd

import (
	"math/rand/v2"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
)

// keeper renews the storage's leases, however many, over one stream: a renewal is two small messages, and no
// goroutine or timer belongs to a single lease.
//
// It has a second stream for leases whose TTL has come to zero here. The server answers for a lease that has expired only
// when it has been revoked, and answers each stream in order, so that one such lease would hold all others up.
type keeper struct {
	mu     sync.Mutex
	prompt *lane
	late   *lane
}

func newKeeper(s *Storage, client pb.LeaseClient) *keeper {
	k := &keeper{}
	k.prompt = newLane(s, k, client, true)
	k.late = newLane(s, k, client, false)
	return k
}

// interval is the time between renewals: a third of the TTL, so that two may be lost, and a little less by chance,
// so that leases granted together do not stay together.
func interval(ttl time.Duration) time.Duration {
	third := ttl / 3
	return third - rand.N(third/10+1)
}

// add begins to renew a lease just granted.
func (k *keeper) add(l *lease) {
	l.mu.Lock()
	sent, ttl := l.sent, l.granted
	l.mu.Unlock()
	k.mu.Lock()
	defer k.mu.Unlock()
	l.kept = true
	l.interval = interval(ttl)
	l.due = sent.Add(l.interval)
	k.prompt.pushLocked(l)
}

// remove ends the renewal of a lease. An answer that is under way counts still.
func (k *keeper) remove(l *lease) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l.kept = false
	k.prompt.dropLocked(l)
	k.late.dropLocked(l)
}

// keeps reports whether the lease is being renewed.
func (k *keeper) keeps(l *lease) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return l.kept
}

// answered deals with the store's answer to a renewal that was sent at a time. A TTL of zero says that the lease is gone.
func (k *keeper) answered(l *lease, sent time.Time, ttl time.Duration) {
	if ttl <= 0 {
		k.remove(l)
		l.gone()
		return
	}
	l.renewed(sent, ttl)
	k.mu.Lock()
	defer k.mu.Unlock()
	if l.kept {
		l.interval = interval(ttl)
		l.due = sent.Add(l.interval)
		k.prompt.pushLocked(l)
	}
}
