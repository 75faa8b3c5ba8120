package registry

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/primitives/registry"
)

func TestOutageLongerThanTheTTLIsSurvived(t *testing.T) {
	inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
		g := register(t, on(t, cut, nil), instance(t, "a"))
		was := records(t, store)["a"]
		cut.SetConnected(false)
		time.Sleep(ttl / 2)
		require.Equal(t, registry.Registered, g.State().Phase, "nobody misses it yet")
		update := make(chan error, 1)
		go func() { update <- g.Update(context.Background(), func(i *registry.Instance) { i.Weight = 7 }) }()
		time.Sleep(100 * time.Millisecond)
		require.Equal(t, registry.Registered, g.State().Phase)
		require.ErrorIs(t, g.State().Err, kv.ErrUnavailable, "why the change is not written")
		time.Sleep(time.Hour)
		require.Equal(t, registry.Lost, g.State().Phase)
		require.Empty(t, records(t, store))
		cut.SetConnected(true)
		time.Sleep(ttl/2 + back) // the longest time between two tries, and the delay
		require.Equal(t, registry.Registered, g.State().Phase)
		require.NoError(t, g.State().Err)
		require.NoError(t, <-update)
		got := records(t, store)["a"]
		require.Equal(t, 7, got.Weight, "with its current data")
		require.NotEqual(t, was.Lease, got.Lease)
		closeIt(t, g)
	})
}

func TestOutageShorterThanTheTTLChangesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
		g := register(t, on(t, cut, nil), instance(t, "a"))
		was := records(t, store)["a"]
		for range 10 {
			cut.SetConnected(false)
			time.Sleep(ttl - time.Millisecond)
			cut.SetConnected(true)
			time.Sleep(time.Second)
			require.Equal(t, registry.Registered, g.State().Phase)
		}
		require.Equal(t, was.Record, records(t, store)["a"].Record)
		closeIt(t, g)
	})
}

// The instances that have lost the same store do not all come back at the same moment.
func TestReturnIsJittered(t *testing.T) {
	inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
		r := on(t, cut, &registry.Options{TTL: 30 * time.Second})
		const n = 200
		for range n {
			register(t, r, instance(t, ""))
		}
		time.Sleep(attended)
		for _, got := range records(t, store) {
			require.NoError(t, store.Delete(t.Context(), got.Key)) // a wipe
		}
		_ = store.Delete(t.Context(), epochKey(service(t)))
		synctest.Wait()
		early := len(records(t, store))
		time.Sleep(2500 * time.Millisecond)
		half := len(records(t, store))
		time.Sleep(2600 * time.Millisecond)
		require.Less(t, early, n/5)
		require.InDelta(t, n/2, half, n/4)
		require.Len(t, records(t, store), n, "all are back within 5 seconds")
		epochOf(t, store)
		require.NoError(t, r.Close(t.Context()))
	})
}

// lenient is a store whose leases come to a TTL of zero here, as in an outage, while the store keeps them: as etcd does, which
// extends all leases when it elects a leader.
type lenient struct {
	kv.Storage
	late chan struct{} // closed: the leases are not renewed in time
	back chan struct{} // closed: they are renewed again
}

func (l *lenient) Lessor() kv.Lessor { return lenientLessor{l.Storage.Lessor(), l} }

type lenientLessor struct {
	kv.Lessor
	l *lenient
}

func (ls lenientLessor) NewLease(ctx context.Context, ttl time.Duration, keepAlive bool) (kv.Lease, error) {
	lease, err := ls.Lessor.NewLease(ctx, ttl, keepAlive)
	if err != nil {
		return nil, err
	}
	return lenientLease{lease, ls.l}, nil
}

type lenientLease struct {
	kv.Lease
	l *lenient
}

func (l lenientLease) Done() <-chan struct{} { return l.l.late }

func (l lenientLease) TTL() time.Duration {
	if isClosed(l.l.late) && !isClosed(l.l.back) {
		return -time.Second
	}
	return l.Lease.TTL()
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestOutageThatEndsNoLeaseMakesNoInstanceVanish(t *testing.T) {
	inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
		st := &lenient{Storage: store, late: make(chan struct{}), back: make(chan struct{})}
		calls := count.New(st)
		g := register(t, on(t, calls, nil), instance(t, "a"))
		was := records(t, store)["a"]
		close(st.late)
		for range 100 {
			time.Sleep(ttl)
			require.Equal(t, registry.Lost, g.State().Phase)
			require.Equal(t, was.Record, records(t, store)["a"].Record, "nothing is rewritten")
		}
		close(st.back)
		time.Sleep(ttl)
		require.Equal(t, registry.Registered, g.State().Phase)
		require.Equal(t, was.Record, records(t, store)["a"].Record)
		calls.Reset()
		time.Sleep(time.Hour)
		require.Zero(t, calls.Reset(), "Done stays closed, and nobody minds")
		closeIt(t, g)
	})
}

// While the lease is in doubt, the record goes: then there is no doubt.
func TestRecordThatGoesWhileInDoubtIsMadeAnew(t *testing.T) {
	inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
		st := &lenient{Storage: store, late: make(chan struct{}), back: make(chan struct{})}
		g := register(t, on(t, st, nil), instance(t, "a"))
		was := records(t, store)["a"]
		close(st.late)
		time.Sleep(ttl)
		require.NoError(t, store.Delete(t.Context(), was.Key))
		close(st.back)
		time.Sleep(ttl)
		require.Equal(t, registry.Registered, g.State().Phase)
		require.Greater(t, records(t, store)["a"].Record.Version, was.Record.Version)
		closeIt(t, g)
	})
}

func TestRegisterWaitsOutAnOutage(t *testing.T) {
	inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
		cut.SetConnected(false)
		time.AfterFunc(time.Hour, func() { cut.SetConnected(true) })
		start := time.Now()
		g, err := on(t, cut, nil).Register(t.Context(), instance(t, "a"))
		require.NoError(t, err)
		require.InDelta(t, time.Hour, time.Since(start), float64(ttl))
		require.Len(t, records(t, store), 1)
		closeIt(t, g)
	})
}

func TestRegisterIsBoundedByItsContextAndSaysWhy(t *testing.T) {
	inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
		cut.SetConnected(false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		_, err := on(t, cut, nil).Register(ctx, instance(t, "a"))
		require.Equal(t, time.Minute, time.Since(start))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, kv.ErrUnavailable)
		cut.SetConnected(true)
		time.Sleep(time.Hour)
		require.Empty(t, records(t, store))
	})
}

func TestCloseInAnOutageIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
		g := register(t, on(t, cut, nil), instance(t, "a"))
		cut.SetConnected(false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		err := g.Close(ctx)
		require.Equal(t, time.Second, time.Since(start))
		require.ErrorIs(t, err, kv.ErrUncertain)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, err, g.Close(t.Context()), "a repeat returns the first result")
		time.Sleep(ttl)
		require.Equal(t, registry.Closed, g.State().Phase)
		require.Empty(t, records(t, store), "the lease has ended the rest")
		cut.SetConnected(true)
		time.Sleep(time.Hour)
		require.Empty(t, records(t, store))
	})
}

func TestCloseGoesOnInTheBackground(t *testing.T) {
	inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
		g := register(t, on(t, cut, nil), instance(t, "a"))
		cut.SetConnected(false)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, g.Close(ctx), kv.ErrUncertain)
		cut.SetConnected(true)
		time.Sleep(ttl / 2)
		require.Equal(t, "left", records(t, store)["a"].Status)
		time.Sleep(ttl)
		require.Empty(t, records(t, store))
	})
}

func TestCloseWhileLostHasNothingToSay(t *testing.T) {
	inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
		g := register(t, on(t, store, &registry.Options{TTL: time.Minute}), instance(t, "a"))
		time.Sleep(attended)
		require.NoError(t, store.Delete(t.Context(), keyOf(service(t), "a")))
		synctest.Wait()
		if g.State().Phase == registry.Lost { // unless the delay was next to nothing
			start := time.Now()
			closeIt(t, g)
			require.Zero(t, time.Since(start))
			time.Sleep(time.Hour)
			require.Empty(t, records(t, store))
		}
		closeIt(t, g)
	})
}

func TestClosedStorageEndsTheRegistration(t *testing.T) {
	inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
		r := on(t, cut, nil)
		g := register(t, r, instance(t, "a"))
		time.Sleep(attended)
		require.NoError(t, cut.Close())
		synctest.Wait()
		require.Equal(t, registry.Closed, g.State().Phase)
		require.ErrorIs(t, g.State().Err, kv.ErrClosed)
		require.ErrorIs(t, g.Update(t.Context(), func(*registry.Instance) {}), kv.ErrClosed)
		require.ErrorIs(t, g.Close(t.Context()), kv.ErrClosed)
		_, err := r.Register(t.Context(), instance(t, "b"))
		require.ErrorIs(t, err, kv.ErrClosed)
	})
}

func TestStatesConflateAndEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
		g := register(t, on(t, store, nil), instance(t, "a"))
		n := 0
		for s := range g.States(t.Context()) { // a slow consumer
			if n++; n == 1 {
				require.Equal(t, registry.Serving, s.Status)
				for _, status := range []registry.Status{registry.NotServing, registry.Starting, registry.Draining} {
					require.NoError(t, g.SetStatus(t.Context(), status))
				}
				continue
			}
			require.Equal(t, registry.Draining, s.Status)
			break
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		n = 0
		for range g.States(ctx) {
			n++
			cancel()
		}
		require.Equal(t, 1, n)
		closeIt(t, g)
		for s := range g.States(t.Context()) {
			require.Equal(t, registry.Closed, s.Phase)
		}
	})
}
