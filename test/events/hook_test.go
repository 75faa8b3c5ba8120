package events

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// Whatever takes a lock that is held while the hook runs stands until the hook is over, which waits for it: the bubble fails then.
func TestNoLockIsHeldWhileTheHookRuns(t *testing.T) {
	inBubble(t, func(t *testing.T, store *memory.Storage) {
		st := store.Connect()
		var s *session.Session
		held := map[string]*mutex.Held{}
		var told []session.EventKind
		inHook := func(e session.Event) {
			done := make(chan struct{})
			go func() {
				defer close(done)
				_ = s.LeaseID()
				for name, h := range held {
					_, _, _ = h.Err(), h.ValidFor(), h.Context(context.Background())
					if h.Err() != nil && (name != e.Name || e.Kind != session.Released) {
						_ = h.Unlock(context.Background())
					}
				}
			}()
			<-done
			told = append(told, e.Kind)
		}
		s = session.New(st, &session.Options{TTL: ttl, OnEvent: inHook, OnAsk: func(ctx context.Context, e session.Event) context.Context {
			inHook(e)
			return ctx
		}})
		for _, name := range []string{"released", "deleted", "lost"} {
			h, err := mutex.New(s, name, nil).Lock(t.Context())
			require.NoError(t, err)
			held[name] = h
		}
		require.NoError(t, held["released"].Unlock(t.Context()))
		time.Sleep(2 * time.Second)
		require.NoError(t, st.Delete(t.Context(), held["deleted"].Key()))
		synctest.Wait()
		st.SetConnected(false)
		time.Sleep(2 * ttl)
		st.SetConnected(true)
		require.NoError(t, s.Close(t.Context()))
		require.NoError(t, st.Close())
		for _, kind := range []session.EventKind{session.Released, session.Lost, session.LeaseLost} {
			require.Contains(t, told, kind)
		}
	})
}

func TestAHookThatIsSlowKeepsNoHoldFromHearingOfItsLoss(t *testing.T) {
	inBubble(t, func(t *testing.T, store *memory.Storage) {
		st := store.Connect()
		s := session.New(st, &session.Options{TTL: ttl, OnEvent: func(e session.Event) {
			if e.Kind == session.Lost {
				time.Sleep(time.Hour)
			}
		}})
		var held []*mutex.Held
		for _, name := range []string{"a", "b", "c"} {
			h, err := mutex.New(s, name, nil).Lock(t.Context())
			require.NoError(t, err)
			held = append(held, h)
		}
		st.SetConnected(false)
		cut := time.Now()
		for _, h := range held {
			<-h.Done()
		}
		require.Equal(t, ttl-ttl/5, time.Since(cut))
		time.Sleep(4 * time.Hour)
		require.NoError(t, s.Close(t.Context()))
		require.NoError(t, st.Close())
	})
}
