package election

import (
	"context"
	"errors"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/election/health"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/worlds"
)

func TestRun(t *testing.T) {
	onEach(t, []testCase{
		{"resigns when the work is done and returns its error", runReturns},
		{"waits for the work after a loss, and campaigns again", runCampaignsAgain},
		{"waits for the work when ctx ends, resigns and returns ctx's error", runEndsWithCtx},
		{"resigns when the work panics, and the panic goes on", runPanics},
		{"ends when the work has resigned itself or transferred", runEndsWithResign},
		{"goes on when the work resigns after a loss", runGoesOnAfterLateResign},
		{"returns at once when its session is closed", runEndsWithSession},
	})
}

var errOwn = errors.New("own")

// runAsync runs in the background, and returns what Run comes to.
func runAsync(ctx context.Context, e *election.Election, lead func(context.Context, *election.Term) error) <-chan error {
	c := make(chan error, 1)
	go func() { c <- e.Run(ctx, lead) }()
	return c
}

func awaitErr(t *testing.T, c <-chan error) error {
	t.Helper()
	select {
	case err := <-c:
		return err
	case <-time.After(15 * time.Second):
		require.FailNow(t, "Run did not return")
		return nil
	}
}

func runReturns(t *testing.T, w *world) {
	st := w.Process(t)
	e := w.candidate(t, "a")
	for i, want := range []error{nil, errOwn} {
		var led *election.Term
		require.Equal(t, want, e.Run(t.Context(), func(ctx context.Context, term *election.Term) error {
			led = term
			require.NoError(t, ctx.Err())
			require.EqualValues(t, i+1, term.Number())
			return want
		}))
		require.ErrorIs(t, led.Err(), session.ErrReleased)
		require.True(t, inspect(t, st).Leader.Vacant, "it has resigned")
	}
}

func runCampaignsAgain(t *testing.T, w *world) {
	st := w.Process(t)
	e := w.candidate(t, "a")
	running, n := 0, 0 // unguarded: the race detector tells of two leads at once
	err := e.Run(t.Context(), func(ctx context.Context, term *election.Term) error {
		running++
		defer func() { running-- }()
		require.Equal(t, 1, running)
		if n++; n == 4 {
			return errOwn
		}
		require.EqualValues(t, n, term.Number())
		if n == 2 {
			worlds.Revoke(t, st, term.Lease())
		} else {
			require.NoError(t, st.Delete(ctx, term.Key()))
		}
		<-ctx.Done()
		require.ErrorIs(t, context.Cause(ctx), election.ErrLost)
		time.Sleep(200 * time.Millisecond) // winds up
		require.Less(t, inspect(t, st).Leader.Number, int64(n+1), "a second lead began")
		return errors.New("after a loss nobody asks")
	})
	require.Equal(t, errOwn, err)
	require.True(t, inspect(t, st).Leader.Vacant)
}

func runEndsWithCtx(t *testing.T, w *world) {
	st := w.Process(t)
	e := w.candidate(t, "a")
	ctx, cancel := context.WithCancel(context.Background())
	c := runAsync(ctx, e, func(ctx context.Context, term *election.Term) error {
		cancel()
		<-ctx.Done()
		time.Sleep(100 * time.Millisecond)
		require.NoError(t, term.Err(), "it leads until its work has ended")
		require.Equal(t, "a", inspect(t, st).Leader.ID)
		return errOwn
	})
	require.Equal(t, context.Canceled, awaitErr(t, c))
	require.True(t, inspect(t, st).Leader.Vacant)

	// While it stands, too.
	term := campaign(t, e)
	ctx, cancel = context.WithCancel(context.Background())
	c = runAsync(ctx, e, nil)
	w.untilStand(t, st, 1)
	cancel()
	require.Equal(t, context.Canceled, awaitErr(t, c))
	w.untilStand(t, st, 0)
	resign(t, term)
	require.Equal(t, context.Canceled, e.Run(worlds.Ended(), nil))
}

func runPanics(t *testing.T, w *world) {
	st := w.Process(t)
	e := w.candidate(t, "a")
	require.PanicsWithValue(t, "lead", func() {
		_ = e.Run(t.Context(), func(context.Context, *election.Term) error { panic("lead") })
	})
	require.True(t, inspect(t, st).Leader.Vacant)
	require.NoError(t, e.Healthy(0))
}

func runEndsWithResign(t *testing.T, w *world) {
	st := w.Process(t)
	e := w.candidate(t, "a")
	require.Equal(t, errOwn, e.Run(t.Context(), func(ctx context.Context, term *election.Term) error {
		require.NoError(t, term.Resign(ctx))
		return errOwn
	}))
	heir := campaignAsync(context.Background(), w.candidate(t, "heir"))
	require.NoError(t, elected(t, heir).Resign(t.Context()))
	var next <-chan result
	require.NoError(t, e.Run(t.Context(), func(ctx context.Context, term *election.Term) error {
		next = campaignAsync(context.Background(), w.candidate(t, "heir"))
		w.untilStand(t, st, 1)
		return term.Transfer(ctx, "heir")
	}))
	resign(t, elected(t, next))
}

func runGoesOnAfterLateResign(t *testing.T, w *world) {
	st := w.Process(t)
	n := 0
	require.Equal(t, errOwn, w.candidate(t, "a").Run(t.Context(), func(ctx context.Context, term *election.Term) error {
		if n++; n == 2 {
			return errOwn
		}
		require.NoError(t, st.Delete(ctx, term.Key()))
		<-ctx.Done()
		require.ErrorIs(t, term.Resign(ctx), election.ErrLost)
		return nil
	}))
}

func runEndsWithSession(t *testing.T, w *world) {
	s := w.Session(t)
	c := runAsync(context.Background(), election.New(s, name(t), nil), func(ctx context.Context, _ *election.Term) error {
		require.NoError(t, s.Close(context.Background()))
		<-ctx.Done()
		return nil
	})
	require.ErrorIs(t, awaitErr(t, c), kv.ErrClosed, "nil would say that the work is done")
}

// inBubble runs body in fake time with a store and a handle on it that can be cut.
func inBubble(t *testing.T, body func(t *testing.T, store, cut *memory.Storage)) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		cut := store.Connect()
		defer func() {
			require.NoError(t, cut.Close())
			require.NoError(t, store.Close())
		}()
		body(t, store, cut)
	})
}

func probe(e *election.Election, overrun time.Duration) (code int, body string) {
	w := httptest.NewRecorder()
	health.Handler(e, overrun).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w.Code, w.Body.String()
}

func TestHealthyTellsOfWorkThatOutlivesItsTerm(t *testing.T) {
	inBubble(t, func(t *testing.T, store, _ *memory.Storage) {
		s := session.New(store, &session.Options{TTL: ttl})
		e := election.New(s, "e", nil)
		require.NoError(t, e.Healthy(0))
		ctx, cancel := context.WithCancel(t.Context())
		c := runAsync(ctx, e, func(ctx context.Context, term *election.Term) error {
			time.Sleep(time.Hour)
			require.NoError(t, e.Healthy(0), "leads")
			require.NoError(t, store.Delete(ctx, term.Key()))
			<-ctx.Done()
			time.Sleep(5 * time.Second)
			synctest.Wait()
			require.NoError(t, e.Healthy(5*time.Second))
			code, body := probe(e, 5*time.Second)
			require.Equal(t, 200, code)
			require.Equal(t, "ok\n", body)
			time.Sleep(time.Millisecond)
			require.ErrorContains(t, e.Healthy(5*time.Second), `election "e": term 1 is over for 5.001s, and its work goes on`)
			code, body = probe(e, 5*time.Second)
			require.Equal(t, 503, code)
			require.Contains(t, body, "its work goes on")
			cancel()
			return nil
		})
		require.Equal(t, context.Canceled, awaitErrIn(c))
		require.NoError(t, e.Healthy(0))
		require.NoError(t, s.Close(t.Context()))
	})
}

// awaitErrIn waits for as long as it takes, in a bubble.
func awaitErrIn(c <-chan error) error { return <-c }

func TestOutagesAreRetriedAndToldByHealthy(t *testing.T) {
	inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
		s := session.New(cut, &session.Options{TTL: ttl})
		other := session.New(store, nil)
		e := election.New(s, "e", nil)
		term := campaign(t, election.New(other, "e", nil))
		cut.SetConnected(false)
		c := runAsync(t.Context(), e, func(context.Context, *election.Term) error { return errOwn })
		time.Sleep(time.Minute)
		require.Empty(t, c)
		require.ErrorIs(t, e.Healthy(30*time.Second), kv.ErrUnavailable)
		require.NoError(t, e.Healthy(time.Hour))
		cut.SetConnected(true)
		time.Sleep(time.Hour)
		require.NoError(t, e.Healthy(0), "it stands in the line")
		resign(t, term)
		require.Equal(t, errOwn, <-c)
		require.NoError(t, e.Healthy(0))
		require.NoError(t, s.Close(t.Context()))
		require.NoError(t, other.Close(t.Context()))
	})
}

func TestHealthyDoesNotCountTheResignation(t *testing.T) {
	inBubble(t, func(t *testing.T, _, cut *memory.Storage) {
		s := session.New(cut, &session.Options{TTL: time.Minute})
		e := election.New(s, "e", nil)
		c := runAsync(t.Context(), e, func(context.Context, *election.Term) error {
			cut.SetConnected(false)
			return nil
		})
		time.Sleep(3 * time.Second)
		require.Empty(t, c, "it resigns")
		require.NoError(t, e.Healthy(time.Second), "its work has ended")
		require.ErrorIs(t, <-c, kv.ErrUncertain, "nobody knows that it has resigned")
		cut.SetConnected(true)
		require.NoError(t, s.Close(t.Context()))
	})
}
