package mutex

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

func TestCallsWithAView(t *testing.T) {
	withView(t, func(t *testing.T, l *looker) {
		const waiters = 11 // with the holder 12, for which a view is opened
		h := take(t, l.m.Lock)
		waiting := l.queue(waiters, l.m.Lock)
		time.Sleep(2 * time.Second)
		l.calls.Reset()
		time.Sleep(time.Hour)
		require.Zero(t, l.calls.Total(), "an hour of waiting")
		for _, c := range waiting {
			unlock(t, h)
			h = got(t, c)
			require.Equal(t, 1, l.calls.Reset(), "a handoff: the delete")
		}
		unlock(t, h)
		require.Equal(t, 1, l.opened())
	})
}

func TestCallsAmongManyWhoWait(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		calls := count.New(store)
		var sessions []*session.Session
		var waiting []<-chan result
		for range 24 {
			s := session.New(newWatched(calls, store), nil)
			sessions = append(sessions, s)
			waiting = append(waiting, async(context.Background(), mutex.New(s, "m", nil).Lock))
			synctest.Wait()
		}
		time.Sleep(2 * time.Second)
		h := got(t, waiting[0])
		calls.Reset()
		time.Sleep(time.Hour)
		require.Zero(t, calls.Total(), "an hour of waiting")
		for i, c := range waiting[1:] {
			unlock(t, h)
			h = got(t, c)
			time.Sleep(2 * time.Second)
			require.Zero(t, calls.Of(intercept.OpGetRange), "handoff %d: nobody reads the whole line", i)
			require.LessOrEqual(t, calls.Reset(), 2, "handoff %d: the delete, and a read", i)
		}
		unlock(t, h)
		for _, s := range sessions {
			require.NoError(t, s.Close(t.Context()))
		}
		require.NoError(t, store.Close())
	})
}
