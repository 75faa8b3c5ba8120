package etcd

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/coordkit/coord/kv"
)

func granted(t *testing.T, st *Storage) *lease {
	t.Helper()
	l, err := st.Lessor().NewLease(t.Context(), time.Second, true)
	require.NoError(t, err)
	return l.(*lease)
}

// The leases of these tests have so long TTLs that one is renewed in time also by a process that stood still for two seconds.

// renewedAfter waits until the lease has been renewed after a moment, which it never is once it is over.
func renewedAfter(t *testing.T, l *lease, moment time.Time, within time.Duration) {
	t.Helper()
	require.Eventually(t, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.sent.After(moment)
	}, within, 5*time.Millisecond, "renewal of lease %d", l.id)
}

func TestTTLCountsFromTheSendOfTheRenewal(t *testing.T) {
	t.Parallel()
	const delay = 400 * time.Millisecond
	a := &answering{granted: 6, renew: func(ctx context.Context, _ int64) (int64, error) {
		time.Sleep(delay)
		return 6, nil
	}}
	l := granted(t, served(t, a))
	renewedAfter(t, l, time.Now(), 10*time.Second)
	require.LessOrEqual(t, l.TTL(), 6*time.Second-50*time.Millisecond-delay)
	require.Greater(t, l.TTL(), 3*time.Second)
}

func TestLeaseWithoutTimeLeftHoldsNoOtherUp(t *testing.T) {
	t.Parallel()
	// The server answers for the first lease when it is revoked, which here is never, and answers nothing behind it.
	a := &answering{granted: 1}
	a.renew = func(ctx context.Context, id int64) (int64, error) {
		if id == 1 {
			<-ctx.Done()
			return 0, ctx.Err()
		}
		return 6, nil
	}
	st := served(t, a)
	stuck := granted(t, st)
	a.granted = 6
	other := granted(t, st)
	<-stuck.Done()
	renewedAfter(t, other, time.Now(), 5*time.Second)
	renewedAfter(t, other, time.Now(), 5*time.Second)
	require.Positive(t, other.TTL())
}

func TestRefusedRenewalTakesNoOtherDown(t *testing.T) {
	t.Parallel()
	// The store refuses one lease, by ending the stream that all renewals share.
	a := &answering{granted: 4, renew: func(_ context.Context, id int64) (int64, error) {
		if id == 1 {
			return 0, rpctypes.ErrGRPCPermissionDenied
		}
		return 4, nil
	}}
	st := served(t, a)
	refused, other := granted(t, st), granted(t, st)
	<-refused.Done()
	require.Positive(t, other.TTL())
	renewedAfter(t, other, time.Now(), 4*time.Second)
}

func TestStreamThatDoesNotAnswerIsGivenUp(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	a := &answering{granted: 6, renew: func(ctx context.Context, _ int64) (int64, error) {
		if asked.Add(1) == 1 {
			<-ctx.Done()
			return 0, ctx.Err()
		}
		return 6, nil
	}}
	l := granted(t, served(t, a))
	renewedAfter(t, l, time.Now(), 10*time.Second)
	require.Positive(t, l.TTL())
}

func TestAnswerThatTheLeaseIsGoneEndsIt(t *testing.T) {
	t.Parallel()
	a := &answering{granted: 6, renew: func(context.Context, int64) (int64, error) { return 0, nil }}
	st := served(t, a)
	l := granted(t, st)
	select {
	case <-l.Done():
	case <-time.After(5 * time.Second): // the TTL itself is longer
		t.Fatal("Done is open")
	}
	require.LessOrEqual(t, l.TTL(), time.Duration(0))
	require.NoError(t, l.Release(), "over already: no call")
	require.Nil(t, st.lessor.lookup(kv.LeaseId(l.id)), "the handle is let go")
}

func TestMoreLeasesThanAStreamTakesAtOnce(t *testing.T) {
	var asked atomic.Int64
	a := &answering{granted: 60, renew: func(context.Context, int64) (int64, error) { asked.Add(1); return 60, nil }}
	st := served(t, a)
	k := st.lessor.keeper
	// All are due at once, and so far from the next renewal, and from a repetition for want of an answer, that a busy machine comes to neither.
	const ttl = time.Minute
	start := time.Now()
	var all []*lease
	for id := range 3 * window {
		l := newLease(st, kv.LeaseId(id+1), ttl, ttl, start.Add(-ttl/2))
		all = append(all, l)
		k.add(l)
	}
	for _, l := range all {
		renewedAfter(t, l, start, ttl/6)
	}
	require.EqualValues(t, len(all), asked.Load(), "each once")
}
