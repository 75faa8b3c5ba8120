package events

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/semaphore"
	"github.com/coordkit/coord/primitives/session"
)

type asked struct{}

func TestContextOfAnAskGoesOnToTheStoreAndComesBack(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		var seen []any
		under := intercept.Wrap(st, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
			if c.Op == intercept.OpAppend {
				seen = append(seen, ctx.Value(asked{}))
			}
			return do(ctx)
		})
		s, heard := open(t, under, session.Options{OnAsk: func(ctx context.Context, e session.Event) context.Context {
			require.Equal(t, session.Event{Kind: session.Asked, Primitive: "mutex", Name: "m"}, e)
			return context.WithValue(ctx, asked{}, "m")
		}})
		m := mutex.New(s, "m", nil)
		require.NoError(t, m.Do(t.Context(), func(ctx context.Context, _ *mutex.Held) error {
			require.Nil(t, ctx.Value(asked{}), "what runs under the hold")
			_, err := m.TryLock(ctx)
			require.ErrorIs(t, err, mutex.ErrLocked)
			return nil
		}))
		require.Equal(t, []any{"m"}, seen)
		for _, e := range heard.all() {
			switch e.Kind {
			case session.Joined, session.Acquired, session.Failed:
				require.Equal(t, "m", e.Context.Value(asked{}), e.Kind)
			default:
				require.Nil(t, e.Context, e.Kind)
			}
		}
	})
}

func TestOnAskMayReturnNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		s, _ := open(t, st, session.Options{OnAsk: func(context.Context, session.Event) context.Context { return nil }})
		_, err := mutex.New(s, "m", nil).Lock(t.Context())
		require.NoError(t, err)
	})
}

func TestJoinedTellsTheLengthOfTheLine(t *testing.T) {
	onBoth(t, func(t *testing.T, st kv.Storage) {
		_, err := mutex.New(silent(t, st), "m", nil).Lock(t.Context())
		require.NoError(t, err)
		for range 2 {
			go func() { _, _ = mutex.New(silent(t, st), "m", nil).Lock(t.Context()) }()
			synctest.Wait()
		}
		s, heard := open(t, st, session.Options{})
		go func() { _, _ = mutex.New(s, "m", nil).Lock(t.Context()) }()
		synctest.Wait()
		joined := heard.only(t, session.Joined)
		require.Equal(t, 3, joined.Ahead)
		require.Equal(t, "m", joined.Name)
	})
}

func TestJoinedCountsWritersForAReader(t *testing.T) {
	onBoth(t, func(t *testing.T, st kv.Storage) {
		for range 3 {
			_, err := mutex.NewRW(silent(t, st), "m", nil).RLock(t.Context())
			require.NoError(t, err)
		}
		s, heard := open(t, st, session.Options{})
		m := mutex.NewRW(s, "m", nil)
		_, err := m.RLock(t.Context())
		require.NoError(t, err)
		joined := heard.only(t, session.Joined)
		require.Zero(t, joined.Ahead)
		require.True(t, joined.Shared)
		go func() { _, _ = m.Lock(t.Context()) }()
		synctest.Wait()
		all := heard.all()
		require.Equal(t, 4, all[len(all)-1].Ahead, "a writer waits for readers, too")
	})
}

func TestAcquiredTellsOfTheWaitAndOfTheHandOver(t *testing.T) {
	onBoth(t, func(t *testing.T, st kv.Storage) {
		s, heard := open(t, st, session.Options{})
		m := mutex.New(s, "m", nil)
		first, err := m.Lock(t.Context())
		require.NoError(t, err)
		require.Zero(t, heard.only(t, session.Acquired).Ahead)
		time.AfterFunc(time.Minute, func() { _ = first.Unlock(t.Context()) })
		second, err := m.Lock(t.Context())
		require.NoError(t, err)
		synctest.Wait()
		got := heard.all()[len(heard.all())-1]
		require.Equal(t, session.Event{
			Kind: session.Acquired, Context: t.Context(), Primitive: "mutex", Name: "m", Token: second.Token(), Ahead: 1, Took: time.Minute,
		}, got)
		require.Equal(t, "lease granted, joined, acquired, joined, released, acquired", heard.kinds())
		require.Equal(t, time.Minute, heard.only(t, session.Released).Took)
	})
}

func TestFailedTellsWhatTheCallerGets(t *testing.T) {
	onBoth(t, func(t *testing.T, st kv.Storage) {
		_, err := mutex.New(silent(t, st), "m", nil).Lock(t.Context())
		require.NoError(t, err)
		sem := semaphore.New(silent(t, st), "sem", 2, nil)
		_, err = sem.Acquire(t.Context(), 2)
		require.NoError(t, err)
		_, err = election.New(silent(t, st), "e", nil).Campaign(t.Context())
		require.NoError(t, err)

		for name, ask := range map[string]func(context.Context, *session.Session) error{
			"Lock": func(ctx context.Context, s *session.Session) error {
				_, err := mutex.New(s, "m", nil).Lock(ctx)
				return err
			},
			"TryLock": func(ctx context.Context, s *session.Session) error {
				_, err := mutex.New(s, "m", nil).TryLock(ctx)
				return err
			},
			"Acquire": func(ctx context.Context, s *session.Session) error {
				_, err := semaphore.New(s, "sem", 2, nil).Acquire(ctx, 1)
				return err
			},
			"another limit": func(ctx context.Context, s *session.Session) error {
				_, err := semaphore.New(s, "sem", 3, nil).Acquire(ctx, 1)
				return err
			},
			"Campaign": func(ctx context.Context, s *session.Session) error {
				_, err := election.New(s, "e", nil).Campaign(ctx)
				return err
			},
		} {
			s, heard := open(t, st, session.Options{})
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			start := time.Now()
			err := ask(ctx, s)
			require.Error(t, err, name)
			failed := heard.only(t, session.Failed)
			require.Equal(t, err, failed.Err, name)
			require.Equal(t, time.Since(start), failed.Took, name)
			if !errors.As(err, new(*semaphore.LimitError)) {
				require.Equal(t, 1, failed.Ahead, name)
			}
			cancel()
			synctest.Wait()
		}
	})
}

func TestLostTellsWhyAndHowLongItWasHeld(t *testing.T) {
	onBoth(t, func(t *testing.T, st kv.Storage) {
		s, heard := open(t, st, session.Options{})
		h, err := mutex.New(s, "m", nil).Lock(t.Context())
		require.NoError(t, err)
		time.Sleep(time.Minute)
		require.NoError(t, st.Delete(t.Context(), h.Key()))
		synctest.Wait()
		lost := heard.only(t, session.Lost)
		require.Equal(t, h.Err(), lost.Err)
		require.ErrorIs(t, lost.Err, session.ErrLost)
		require.Equal(t, time.Minute, lost.Took)
		require.Equal(t, h.Token(), lost.Token)
		require.ErrorIs(t, h.Unlock(t.Context()), session.ErrLost)
		require.NotContains(t, heard.kinds(), string(session.Released))
	})
}

func TestTheFirstToUseASemaphoreAsksOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, st kv.Storage) {
		asked := 0
		s, heard := open(t, st, session.Options{OnAsk: func(ctx context.Context, _ session.Event) context.Context {
			asked++
			return ctx
		}})
		p, err := semaphore.New(s, "sem", 5, nil).Acquire(t.Context(), 3)
		require.NoError(t, err)
		require.NoError(t, p.Release(t.Context()))
		require.Equal(t, 1, asked)
		require.Equal(t, "lease granted, joined, acquired, released", heard.kinds())
		for _, e := range heard.all()[1:] {
			require.Equal(t, int64(3), e.Weight, e.Kind)
			require.Equal(t, "semaphore", e.Primitive, e.Kind)
		}
	})
}

func TestACampaignAndItsTermAreTold(t *testing.T) {
	onBoth(t, func(t *testing.T, st kv.Storage) {
		s, heard := open(t, st, session.Options{})
		term, err := election.New(s, "e", nil).Campaign(t.Context())
		require.NoError(t, err)
		time.Sleep(time.Hour)
		require.NoError(t, term.Resign(t.Context()))
		require.Equal(t, "lease granted, joined, acquired, released", heard.kinds())
		require.Equal(t, term.Token(), heard.only(t, session.Acquired).Token)
		released := heard.only(t, session.Released)
		require.Equal(t, "election", released.Primitive)
		require.Equal(t, time.Hour, released.Took)
	})
}

func TestAHoldThatIsLostInTheMomentItIsWonTellsInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		heard := &heard{}
		var s *session.Session
		s, _ = open(t, st, session.Options{OnEvent: func(e session.Event) {
			if e.Kind == session.Acquired {
				l, err := st.Lessor().GetLease(s.LeaseID())
				require.NoError(t, err)
				require.NoError(t, l.Release())
				time.Sleep(time.Second) // the session tells of the lease's end meanwhile
			}
			heard.hear(e)
		}})
		h, err := mutex.New(s, "m", nil).Lock(t.Context())
		require.NoError(t, err)
		require.ErrorIs(t, h.Err(), session.ErrLost)
		synctest.Wait()
		require.Equal(t, "lease granted, joined, lease lost, acquired, lost", heard.kinds())
	})
}
