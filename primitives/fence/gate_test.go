package fence_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/fence"
)

func TestZeroGateAdmitsAnyToken(t *testing.T) {
	for _, token := range []kv.Version{1, 7, 1<<63 - 1} {
		var g fence.Gate
		require.Zero(t, g.Highest())
		require.NoError(t, g.AdmitShared(token), "AdmitShared(%d)", token)
		require.NoError(t, g.Admit(token), "Admit(%d)", token)
		require.Equal(t, token, g.Highest())
	}
}

func TestGateRefusesLowerTokensOnly(t *testing.T) {
	var g fence.Gate
	for _, token := range []kv.Version{5, 5, 9, 9} { // the same holder writes many times; the next one is admitted
		require.NoError(t, g.Admit(token), "Admit(%d)", token)
	}
	err := g.Admit(8)
	require.ErrorIs(t, err, fence.ErrStale)
	var stale *fence.StaleError
	require.ErrorAs(t, err, &stale)
	require.Equal(t, fence.StaleError{Token: 8, Highest: 9}, *stale)
	require.Equal(t, "stale fencing token 8: 9 has been seen", err.Error())
	require.Equal(t, kv.Version(9), g.Highest(), "a refused token raises nothing")
	require.NoError(t, g.Admit(9))
}

func TestReadersRaiseNothing(t *testing.T) {
	var g fence.Gate
	require.NoError(t, g.Admit(5))
	require.NoError(t, g.AdmitShared(8))
	require.NoError(t, g.AdmitShared(7), "readers hold at the same time")
	require.NoError(t, g.Admit(5), "a reader shuts nobody out")
	require.NoError(t, g.Admit(9))
	require.ErrorIs(t, g.AdmitShared(8), fence.ErrStale, "a later writer was here")
	require.NoError(t, g.AdmitShared(9), "a writer that became a reader keeps its token")
}

func TestTokensThatAreNotPositiveAreInvalid(t *testing.T) {
	var g fence.Gate
	for _, token := range []kv.Version{0, -1, -1 << 63} {
		require.ErrorIs(t, g.Admit(token), kv.ErrInvalid, "Admit(%d)", token)
		require.ErrorIs(t, g.AdmitShared(token), kv.ErrInvalid, "AdmitShared(%d)", token)
		err := g.Do(t.Context(), token, func(context.Context) error { panic("f ran") })
		require.ErrorIs(t, err, kv.ErrInvalid, "Do(%d)", token)
	}
	require.Zero(t, g.Highest())
}

func TestResetSetsTheHighestAlsoToLess(t *testing.T) {
	var g fence.Gate
	g.Reset(1000) // as a process that starts does, with what it had stored
	require.ErrorIs(t, g.Admit(999), fence.ErrStale)
	g.Reset(3) // as after a restore
	require.Equal(t, kv.Version(3), g.Highest())
	require.ErrorIs(t, g.Admit(2), fence.ErrStale)
	require.NoError(t, g.Admit(4))
	g.Reset(0)
	require.NoError(t, g.Admit(1))
	g.Reset(-1)
	require.Zero(t, g.Highest(), "none seen")
}

func TestDoRunsWhatIsAdmitted(t *testing.T) {
	var g fence.Gate
	broken := errors.New("disk full")
	ran := 0
	require.Equal(t, broken, g.Do(t.Context(), 5, func(ctx context.Context) error {
		require.NoError(t, ctx.Err())
		ran++
		return broken
	}), "f's error as it is")
	require.ErrorIs(t, g.Do(t.Context(), 4, func(context.Context) error { ran++; return nil }), fence.ErrStale)
	require.Equal(t, 1, ran)
	require.ErrorIs(t, g.Admit(4), fence.ErrStale, "Do raises as Admit does")
}

func TestDoRefusesWhatItCannotRun(t *testing.T) {
	var g fence.Gate
	var none context.Context
	require.ErrorIs(t, g.Do(none, 1, func(context.Context) error { return nil }), kv.ErrInvalid, "nil ctx")
	require.ErrorIs(t, g.Do(t.Context(), 1, nil), kv.ErrInvalid, "nil f")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, g.Do(ended, 1, func(context.Context) error { panic("f ran") }), context.Canceled)
	require.Zero(t, g.Highest())
}

// running starts a Do under token whose f runs until finish is called, and which has returned when finish has.
func running(t *testing.T, g *fence.Gate, token kv.Version) (ctx context.Context, finish func()) {
	t.Helper()
	started, goOn := make(chan context.Context), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- g.Do(t.Context(), token, func(ctx context.Context) error {
			started <- ctx
			<-goOn
			return nil
		})
	}()
	return <-started, func() {
		close(goOn)
		require.NoError(t, <-done, "Do(%d)", token)
	}
}

func doAsync(ctx context.Context, g *fence.Gate, token kv.Version) <-chan error {
	done := make(chan error, 1)
	go func() { done <- g.Do(ctx, token, func(context.Context) error { return nil }) }()
	return done
}

func requireWaits(t *testing.T, done <-chan error) {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-done:
		require.FailNow(t, "Do did not wait", "err: %v", err)
	default:
	}
}

func TestHigherTokenWaitsForWhatRunsUnderALowerOne(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var g fence.Gate
		old, finish := running(t, &g, 5)
		next := doAsync(t.Context(), &g, 9)
		requireWaits(t, next)

		require.Equal(t, kv.Version(9), g.Highest(), "it counts as seen at once")
		require.ErrorIs(t, g.Do(t.Context(), 5, func(context.Context) error { panic("f ran") }), fence.ErrStale,
			"so the old holder cannot keep the new one out")
		require.ErrorIs(t, old.Err(), context.Canceled, "the old f is told to make way")
		var stale *fence.StaleError
		require.ErrorAs(t, context.Cause(old), &stale)
		require.Equal(t, fence.StaleError{Token: 5, Highest: 9}, *stale)

		finish()
		require.NoError(t, <-next)
	})
}

func TestCallsUnderOneTokenRunSideBySide(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var g fence.Gate
		_, finishFirst := running(t, &g, 5)
		second, finishSecond := running(t, &g, 5) // would hang if it waited for the first
		finishFirst()
		next := doAsync(t.Context(), &g, 6)
		requireWaits(t, next)
		require.Error(t, second.Err(), "the next one waits for all of them")
		finishSecond()
		require.NoError(t, <-next)
	})
}

func TestWaitOfDoEndsWithItsCtx(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var g fence.Gate
		_, finish := running(t, &g, 5)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, <-doAsync(ctx, &g, 9), context.DeadlineExceeded)
		require.ErrorIs(t, g.Admit(8), fence.ErrStale, "the token stays seen")
		finish()
		require.NoError(t, <-doAsync(t.Context(), &g, 9))
	})
}

func TestWhoWaitsIsRefusedWhenAnEvenHigherTokenComes(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var g fence.Gate
		_, finish := running(t, &g, 5)
		middle := doAsync(t.Context(), &g, 7)
		requireWaits(t, middle)
		require.NoError(t, g.Admit(9), "Admit waits for nobody")
		finish()
		require.ErrorIs(t, <-middle, fence.ErrStale)
	})
}

func TestAfterResetDoStillWaitsForWhatRuns(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		var g fence.Gate
		_, finish := running(t, &g, 500)
		g.Reset(0)
		next := doAsync(t.Context(), &g, 3)
		requireWaits(t, next)
		finish()
		require.NoError(t, <-next)
	})
}

func TestPanicOfFLeavesTheGateOpen(t *testing.T) {
	var g fence.Gate
	require.PanicsWithValue(t, "broken", func() {
		_ = g.Do(t.Context(), 5, func(context.Context) error { panic("broken") })
	})
	require.NoError(t, g.Do(t.Context(), 6, func(context.Context) error { return nil }))
}

func TestCtxOfFEndsWithTheCallersAndCarriesItsValues(t *testing.T) {
	type key struct{}
	var g fence.Gate
	outer, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "v"))
	var inner context.Context
	require.NoError(t, g.Do(outer, 5, func(ctx context.Context) error {
		require.Equal(t, "v", ctx.Value(key{}))
		require.NoError(t, ctx.Err())
		cancel()
		require.ErrorIs(t, ctx.Err(), context.Canceled)
		inner = ctx
		return nil
	}))
	require.NoError(t, g.Do(t.Context(), 5, func(ctx context.Context) error {
		inner = ctx
		return nil
	}))
	require.Error(t, inner.Err(), "it is over once f has returned")
}
