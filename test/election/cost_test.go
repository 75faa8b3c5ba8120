package election

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/worlds"
)

func TestCallsOfACampaign(t *testing.T) {
	for _, c := range []struct {
		name string
		wrap func(kv.Storage) kv.Storage
		free int
	}{{"with capabilities", same, 2}, {"on the pure contract", hide, 3}} {
		t.Run(c.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				store := memory.New(nil)
				t.Cleanup(func() { require.NoError(t, store.Close()) }) // after its sessions
				st := count.New(c.wrap(store))
				s := session.New(st, nil)
				e := election.New(s, "e", nil)
				require.NoError(t, s.Ready(t.Context()))
				for _, which := range []string{"the first", "a later one"} {
					st.Reset()
					term := campaign(t, e)
					require.Equal(t, c.free, st.Reset(), "a free campaign, %s", which)
					require.NoError(t, term.Proclaim(t.Context(), []byte("v")))
					require.Equal(t, 1, st.Reset(), "a proclamation")
					resign(t, term)
					require.Equal(t, 1, st.Reset(), "a resignation")
				}
				require.NoError(t, s.Close(t.Context()))
			})
		})
	}
}

// Whoever stands makes no calls while nothing changes, and an end wakes one.
func TestCallsOfThoseWhoWait(t *testing.T) {
	for _, c := range []struct {
		name       string
		wrap       func(kv.Storage) kv.Storage
		candidates int
		handoff    int
	}{
		{"few, with capabilities", same, 5, 2},
		{"many, with capabilities", same, 24, 3},
		{"many, on the pure contract", hide, 24, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				store := memory.New(nil)
				t.Cleanup(func() { require.NoError(t, store.Close()) }) // after its sessions
				st := count.New(c.wrap(store))
				w := &world{&worlds.World{Fake: true, Open: func(*testing.T) (kv.Storage, func()) { return st, nil }}}
				_, term, cs := w.several(t, c.candidates)
				time.Sleep(time.Minute)
				st.Reset()
				time.Sleep(time.Hour)
				require.Zero(t, st.Reset(), "an hour of waiting")
				for _, next := range cs {
					resign(t, term)
					term = elected(t, next)
					synctest.Wait()
					require.LessOrEqual(t, st.Total(), c.handoff, "a handoff: the delete, a read without a view of the line, and the record")
					require.Equal(t, 1, st.Of(intercept.OpDelete))
					require.Equal(t, 1, st.Of(intercept.OpCas))
					time.Sleep(time.Minute) // of holding, and of waits that begin
					st.Reset()
				}
				resign(t, term)
			})
		})
	}
}

// Who joins a long line is told the nearest before it by the call that joins, and need not read the line to wait for that one. One of
// another priority has to.
func TestCallsOfWhoJoinsALongLine(t *testing.T) {
	for _, c := range []struct{ priority, reads int }{{0, 0}, {7, 1}, {-7, 1}} {
		bubble.Test(t, func(t *testing.T) {
			store := memory.New(nil)
			defer store.Close()
			w := &world{&worlds.World{Fake: true, Open: func(*testing.T) (kv.Storage, func()) { return store, nil }}}
			_, term, _ := w.several(t, 24)
			time.Sleep(time.Minute)
			st := count.New(store)
			s := worlds.Session(t, st)
			require.NoError(t, s.Ready(t.Context()))
			st.Reset()
			ctx, cancel := context.WithCancel(t.Context())
			var joined sync.WaitGroup
			joined.Go(func() { _, _ = election.New(s, name(t), &election.Options{Priority: c.priority}).Campaign(ctx) })
			synctest.Wait()
			require.Equal(t, 1, st.Of(intercept.OpAppend))
			require.Equal(t, c.reads, st.Of(intercept.OpGetRange), "with priority %d", c.priority)
			cancel()
			joined.Wait()
			resign(t, term)
		})
	}
}

func TestWaitingCampaignIsReleasedOnTheStoresTime(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		t.Cleanup(func() { require.NoError(t, store.Close()) }) // after its sessions
		s := worlds.Session(t, store)
		term := campaign(t, election.New(s, "e", nil))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		start := time.Now()
		_, err := election.New(s, "e", nil).Campaign(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, time.Hour, time.Since(start))
		resign(t, term)
	})
}
