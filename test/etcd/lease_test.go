package etcd

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// kept is the TTL of a lease that lives on in a test as long as it is kept alive: a renewal that a busy machine makes two seconds late is in
// time still.
const kept = 4 * time.Second

func grant(t *testing.T, st kv.Storage, ttl time.Duration, keepAlive bool) kv.Lease {
	t.Helper()
	l, err := st.Lessor().NewLease(t.Context(), ttl, keepAlive)
	require.NoError(t, err, "NewLease(%v)", ttl)
	return l
}

// done is the channel that a lease closes when it is over.
func done(l kv.Lease) <-chan struct{} { return l.(interface{ Done() <-chan struct{} }).Done() }

func requireDone(t *testing.T, l kv.Lease, within time.Duration) {
	t.Helper()
	select {
	case <-done(l):
	case <-time.After(within):
		t.Fatalf("Done is open after %v, TTL %v", within, l.TTL())
	}
}

// bind creates a key under the lease and returns a channel with the moment at which the store removed it.
func bind(t *testing.T, c *clientv3.Client, key string, l kv.Lease) <-chan time.Time {
	t.Helper()
	_, err := c.Put(t.Context(), key, "", clientv3.WithLease(clientv3.LeaseID(l.Id())))
	require.NoError(t, err)
	events := c.Watch(t.Context(), key, clientv3.WithFilterPut(), clientv3.WithCreatedNotify())
	<-events
	at := make(chan time.Time, 1)
	go func() {
		if resp, ok := <-events; ok && len(resp.Events) > 0 {
			at <- time.Now()
		}
	}()
	return at
}

func TestTTLIsTheGrantedOneInWholeSeconds(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	st := server.Storage(t)
	for asked, granted := range map[time.Duration]time.Duration{
		time.Nanosecond:         time.Second,
		500 * time.Millisecond:  time.Second,
		time.Second:             time.Second,
		1001 * time.Millisecond: 2 * time.Second,
		time.Hour:               time.Hour,
	} {
		l := grant(t, st, asked, false)
		require.LessOrEqual(t, l.TTL(), granted-50*time.Millisecond, "asked for %v", asked)
		require.Greater(t, l.TTL(), granted-granted/100-time.Second, "asked for %v", asked)
		info, err := server.Client(t).TimeToLive(t.Context(), clientv3.LeaseID(l.Id()))
		require.NoError(t, err)
		require.Equal(t, granted, time.Duration(info.GrantedTTL)*time.Second)
	}
	_, err := st.Lessor().NewLease(t.Context(), 1<<63-1, false)
	require.ErrorIs(t, err, kv.ErrInvalid, "longer than etcd can")
}

func TestPartitionedHolderKnowsBeforeTheStoreExpires(t *testing.T) {
	t.Parallel()
	cuts := map[string]func(p *etcdtest.Proxy){
		"blackhole": func(p *etcdtest.Proxy) { p.Blackhole(true) },
		"reset":     func(p *etcdtest.Proxy) { p.Refuse(true) },
		"replies":   func(p *etcdtest.Proxy) { p.Hold(etcdtest.Replies, true) },
	}
	server := etcdtest.Start(t)
	for name, cut := range cuts {
		for i := range 3 {
			t.Run(fmt.Sprintf("%s %d", name, i), func(t *testing.T) {
				t.Parallel()
				proxy := server.Proxy(t)
				st := etcdtest.Open(t, proxy.Endpoint(), nil)
				l := grant(t, st, 4*time.Second, true)
				removed := bind(t, server.Client(t), t.Name(), l)
				requireSilent(t, removed, time.Duration(700+211*i)*time.Millisecond, "the lease is kept alive")
				cut(proxy)
				start := time.Now()
				select {
				case <-done(l):
				case at := <-removed:
					// Who waits on Done may get the processor late; who asks for the TTL is told by the clock.
					require.LessOrEqual(t, l.TTL(), time.Duration(0), "the store removed the key at %v, the holder knows nothing", at)
					requireDone(t, l, 10*time.Second)
					return
				}
				require.Greater(t, time.Since(start), 1*time.Second, "the holder gave up too early")
				receive(t, removed, "the store expires the lease")
				require.LessOrEqual(t, l.TTL(), time.Duration(0))
			})
		}
	}
}

func TestRenewalMovesToAnotherMemberWhenOneHangs(t *testing.T) {
	t.Parallel()
	// Two ways to one server stand for two members. The one that carries the renewals goes silent without closing anything.
	server := etcdtest.Start(t)
	a, b := server.Proxy(t), server.Proxy(t)
	st, err := etcd.Open([]string{a.Endpoint(), b.Endpoint()}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, st.Close()) })
	l := grant(t, st, kept, true)
	removed := bind(t, server.Client(t), "k", l)
	for i := range 3 {
		hang := []*etcdtest.Proxy{a, b}[i%2]
		hang.Blackhole(true)
		requireSilent(t, removed, kept+1500*time.Millisecond, "the lease was lost")
		hang.Blackhole(false)
	}
	require.Positive(t, l.TTL())
	requireSilent(t, done(l), 0, "Done closed")
}

func TestLeaseRevokedByAnotherIsNoticed(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	const ttl = 9 * time.Second
	l := grant(t, server.Storage(t), ttl, true)
	other, err := server.Storage(t).Lessor().GetLease(l.Id())
	require.NoError(t, err)
	require.NoError(t, other.Release())
	requireDone(t, l, ttl-ttl/6) // with the next renewal, after a third of the TTL; left to itself it ends a margin before the TTL
	require.LessOrEqual(t, l.TTL(), time.Duration(0))
	require.NoError(t, l.Release(), "over already")
}

func TestKeepAliveOutlivesTheContextOfTheGrant(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	ctx, cancel := context.WithCancel(t.Context())
	l, err := server.Storage(t).Lessor().NewLease(ctx, kept, true)
	require.NoError(t, err)
	removed := bind(t, server.Client(t), "k", l)
	cancel()
	requireSilent(t, removed, kept+1500*time.Millisecond, "the lease ran out")
	require.Positive(t, l.TTL())
}

func TestStopKeepAliveLetsTheLeaseRunOut(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	l := grant(t, server.Storage(t), kept, true)
	removed := bind(t, server.Client(t), "k", l)
	requireSilent(t, removed, kept+1500*time.Millisecond, "the lease ran out")
	l.(interface{ StopKeepAlive() }).StopKeepAlive()
	requireDone(t, l, soon)
	receive(t, removed, "expiry")
}

func TestCloseStopsRenewalAndReleasesNothing(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	st := server.Storage(t)
	l := grant(t, st, kept, true)
	removed := bind(t, server.Client(t), "k", l)
	require.NoError(t, st.Close())
	requireSilent(t, removed, time.Second, "Close released the lease")
	receive(t, removed, "expiry")
	require.ErrorIs(t, l.Release(), kv.ErrClosed)
}

func TestOwnLeaseIsTheSameHandleAndAnothersASnapshot(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	st, other := server.Storage(t), server.Storage(t)
	l := grant(t, st, kept, true)
	same, err := st.Lessor().GetLease(l.Id())
	require.NoError(t, err)
	require.Same(t, l, same)
	snapshot, err := other.Lessor().GetLease(l.Id())
	require.NoError(t, err)
	require.Equal(t, l.Id(), snapshot.Id())
	require.LessOrEqual(t, snapshot.TTL(), kept)
	requireDone(t, snapshot, soon)
	require.Positive(t, l.TTL(), "ours is renewed, the snapshot counts down")
	require.NoError(t, l.Release())
	for _, s := range []kv.Storage{st, other} {
		_, err = s.Lessor().GetLease(l.Id())
		require.ErrorIs(t, err, kv.ErrWrongLeaseId)
	}
}

func TestManyLeasesAreKeptAliveTogether(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	st := server.Storage(t)
	var all []kv.Lease
	for range 500 {
		all = append(all, grant(t, st, 6*time.Second, true))
	}
	late := time.After(10 * time.Second) // which is longer than a TTL
	lowest := time.Hour
	for waiting := true; waiting; {
		select {
		case <-late:
			waiting = false
		case <-time.After(50 * time.Millisecond):
		}
		for _, l := range all {
			lowest = min(lowest, l.TTL())
		}
	}
	t.Logf("lowest TTL %v", lowest)
	require.Positive(t, lowest)
	for _, l := range all {
		_, err := server.Client(t).TimeToLive(t.Context(), clientv3.LeaseID(l.Id()))
		require.NoError(t, err)
		break
	}
}

func TestExpiredLeasesDoNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	// The server answers a renewal of an expired lease when it has revoked it, and nothing behind it on the same stream
	// before.
	server := etcdtest.Start(t)
	proxy := server.Proxy(t)
	st := etcdtest.Open(t, proxy.Endpoint(), nil)
	var old []kv.Lease
	for range 50 {
		old = append(old, grant(t, st, time.Second, true))
	}
	long := grant(t, st, 6*time.Second, true)
	proxy.Refuse(true)
	for _, l := range old {
		requireDone(t, l, soon)
	}
	proxy.Refuse(false)
	fresh := grant(t, st, kept, true)
	removed := bind(t, server.Client(t), "k", fresh)
	requireSilent(t, removed, kept+1500*time.Millisecond, "a lease granted after the outage was lost")
	require.Positive(t, fresh.TTL())
	require.Positive(t, long.TTL())
	for _, l := range old {
		_, err := st.Lessor().GetLease(l.Id())
		require.ErrorIs(t, err, kv.ErrWrongLeaseId)
	}
}

func TestReleaseIsBoundedWhenTheStoreIsSilent(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	proxy := server.Proxy(t)
	st := etcdtest.Open(t, proxy.Endpoint(), nil)
	l := grant(t, st, 30*time.Second, true)
	proxy.Blackhole(true)
	start := time.Now()
	err := l.Release()
	require.ErrorIs(t, err, kv.ErrUncertain)
	require.ErrorIs(t, err, kv.ErrUnavailable)
	require.InDelta(t, 7, time.Since(start).Seconds(), 3, "five seconds, and what a busy machine adds")
	proxy.Blackhole(false)
	require.NoError(t, l.Release(), "a repeat")
}
