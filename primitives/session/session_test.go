package session_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// inBubble runs body in fake time with a store of its own.
func inBubble(t *testing.T, body func(t *testing.T, st *memory.Storage)) {
	bubble.Test(t, func(t *testing.T) {
		st := memory.New(nil)
		defer func() { require.NoError(t, st.Close()) }()
		body(t, st)
	})
}

func TestOptionsOutOfBoundsAreInvalidFromEveryUse(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		for _, o := range []session.Options{{TTL: -1}, {Margin: -1}, {TTL: time.Second, Margin: time.Second}} {
			s := session.New(st, &o)
			require.ErrorIs(t, s.Ready(t.Context()), kv.ErrInvalid, "%+v", o)
			_, err := mutex.New(s, "m", nil).Lock(t.Context())
			require.ErrorIs(t, err, kv.ErrInvalid, "%+v", o)
			require.NoError(t, s.Close(t.Context()))
		}
		require.ErrorIs(t, session.New(nil, nil).Ready(t.Context()), kv.ErrInvalid, "no storage")
		s := session.New(st, nil)
		var none context.Context
		require.ErrorIs(t, s.Ready(none), kv.ErrInvalid, "nil ctx")
	})
}

func TestUsersShareOneLease(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		granted := 0
		s := session.New(st, &session.Options{OnEvent: func(e session.Event) {
			if e.Kind == session.LeaseGranted {
				granted++
			}
		}})
		require.Zero(t, s.LeaseID(), "New does no I/O")
		var users sync.WaitGroup
		for range 20 {
			users.Go(func() {
				if err := s.Ready(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		users.Wait()
		require.Equal(t, 1, granted)
		require.NotZero(t, s.LeaseID())
		require.NoError(t, s.Close(t.Context()))
	})
}

func TestCloseGivesTheLeaseBackOnceAndForAll(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		s := session.New(st, nil)
		require.NoError(t, s.Ready(t.Context()))
		id := s.LeaseID()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, s.Close(ended), "a ctx that is over does not hinder it")
		_, err := st.Lessor().GetLease(id)
		require.ErrorIs(t, err, kv.ErrWrongLeaseId)
		require.NoError(t, s.Close(t.Context()))
		require.ErrorIs(t, s.Ready(t.Context()), kv.ErrClosed)
		require.Zero(t, s.LeaseID())
	})
}

func TestCloseOutOfReachOfTheStoreIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		cut := st.Connect()
		s := session.New(cut, &session.Options{TTL: 10 * time.Second})
		require.NoError(t, s.Ready(t.Context()))
		cut.SetConnected(false)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := s.Close(ctx)
		require.ErrorIs(t, err, kv.ErrUncertain)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start))
		require.Equal(t, err, s.Close(t.Context()), "a repeat returns the first result")
		time.Sleep(10 * time.Second) // the background gives up when the lease is over: the bubble ends without a goroutine
		require.NoError(t, cut.Close())
	})
}

func TestReadyIsBoundedByItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		s := session.New(st, nil)
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, s.Ready(ended), context.Canceled)
		st.SetConnected(false)
		require.ErrorIs(t, s.Ready(t.Context()), kv.ErrUnavailable)
		require.NoError(t, s.Close(t.Context()))
	})
}

func TestHoldContextsEndWithTheHoldAndNest(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		s := session.New(st, nil)
		outer, err := mutex.New(s, "outer", nil).Lock(t.Context())
		require.NoError(t, err)
		inner, err := mutex.New(s, "inner", nil).Lock(t.Context())
		require.NoError(t, err)
		ctx := inner.Context(outer.Context(t.Context()))
		require.NoError(t, ctx.Err())
		require.NoError(t, outer.Unlock(t.Context()))
		<-ctx.Done()
		require.ErrorIs(t, context.Cause(ctx), session.ErrReleased)
		require.NoError(t, inner.Err())
		require.NoError(t, inner.Unlock(t.Context()))
		require.ErrorIs(t, context.Cause(inner.Context(t.Context())), session.ErrReleased, "made after the end")
		require.NoError(t, s.Close(t.Context()))
	})
}

func TestEventsTellTheLifeOfAHold(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		var mu sync.Mutex
		var events []session.Event
		s := session.New(st, &session.Options{OnEvent: func(e session.Event) {
			mu.Lock()
			defer mu.Unlock()
			events = append(events, e)
		}})
		m := mutex.New(s, "m", nil)
		h, err := m.Lock(t.Context())
		require.NoError(t, err)
		time.Sleep(3 * time.Second)
		require.NoError(t, h.Unlock(t.Context()))
		_, err = m.Lock(t.Context())
		require.NoError(t, err)
		l, err := st.Lessor().GetLease(s.LeaseID())
		require.NoError(t, err)
		require.NoError(t, l.Release())
		synctest.Wait()
		require.NoError(t, s.Close(t.Context()))

		mu.Lock()
		defer mu.Unlock()
		var kinds []string
		for _, e := range events {
			kinds = append(kinds, string(e.Kind))
		}
		require.Equal(t, "lease granted, joined, acquired, released, joined, acquired, lost, lease lost", strings.Join(kinds, ", "))
		require.Equal(t, 3*time.Second, events[3].Took)
		require.Equal(t, session.Event{Kind: session.Acquired, Primitive: "mutex", Name: "m", Token: h.Token(), Context: t.Context()}, events[2])
		require.ErrorIs(t, events[6].Err, session.ErrLost)
	})
}

func TestALossIsToldInTheOrderOfTokens(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		var lost []kv.Version
		s := session.New(st, &session.Options{OnEvent: func(e session.Event) {
			if e.Kind == session.Lost {
				lost = append(lost, e.Token)
			}
		}})
		for i := range 20 {
			_, err := mutex.New(s, string(rune('a'+i)), nil).Lock(t.Context())
			require.NoError(t, err)
		}
		l, err := st.Lessor().GetLease(s.LeaseID())
		require.NoError(t, err)
		require.NoError(t, l.Release())
		synctest.Wait()
		require.Len(t, lost, 20)
		require.IsIncreasing(t, lost)
		require.NoError(t, s.Close(t.Context()))
	})
}

// watched is a storage whose leases tell when their renewal is stopped.
type watched struct {
	kv.Storage
	stopped *atomic.Bool
}

func (w watched) Lessor() kv.Lessor { return watchedLessor{w.Storage.Lessor(), w.stopped} }

type watchedLessor struct {
	kv.Lessor
	stopped *atomic.Bool
}

func (w watchedLessor) NewLease(ctx context.Context, ttl time.Duration, keepAlive bool) (kv.Lease, error) {
	l, err := w.Lessor.NewLease(ctx, ttl, keepAlive)
	return watchedLease{l, w.stopped}, err
}

type watchedLease struct {
	kv.Lease
	stopped *atomic.Bool
}

func (w watchedLease) StopKeepAlive() {
	w.stopped.Store(true)
	w.Lease.(interface{ StopKeepAlive() }).StopKeepAlive()
}

func TestALostLeaseIsRenewedNoMoreFromBeforeAnybodyIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		var stopped atomic.Bool
		var told []session.EventKind
		s := session.New(watched{st, &stopped}, &session.Options{OnEvent: func(e session.Event) {
			if e.Kind == session.Lost || e.Kind == session.LeaseLost {
				require.True(t, stopped.Load(), e.Kind)
				told = append(told, e.Kind)
			}
		}})
		h, err := mutex.New(s, "m", nil).Lock(t.Context())
		require.NoError(t, err)
		seen := make(chan bool, 1)
		context.AfterFunc(h.Context(t.Context()), func() { seen <- stopped.Load() })
		st.SetConnected(false)
		<-h.Done()
		require.True(t, stopped.Load())
		require.True(t, <-seen)
		st.SetConnected(true)
		require.ErrorIs(t, h.Unlock(t.Context()), session.ErrLost)
		require.NoError(t, s.Close(t.Context()))
		require.Equal(t, []session.EventKind{session.Lost, session.LeaseLost}, told)
	})
}
