package registry

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/primitives/registry"
)

var errSick = errors.New("sick")

func TestCheckDecidesAfterRiseAndFall(t *testing.T) {
	inBubble(t, func(t *testing.T, store, _ *memory.Storage) {
		var sick atomic.Bool
		var seen atomic.Pointer[registry.Instance]
		r := on(t, store, &registry.Options{Check: &registry.Check{
			Every: time.Second, Rise: 2, Fall: 3,
			Run: func(_ context.Context, i registry.Instance) error {
				seen.Store(&i)
				if sick.Load() {
					return errSick
				}
				return nil
			},
		}})
		i := instance(t, "a")
		i.Status = registry.Starting
		g := register(t, r, i)
		status := func() string {
			synctest.Wait()
			return records(t, store)["a"].Status
		}
		require.Equal(t, "starting", status(), "one run is not two")
		require.Equal(t, "a", seen.Load().ID)
		time.Sleep(time.Second)
		require.Equal(t, "serving", status())
		sick.Store(true)
		time.Sleep(2 * time.Second)
		require.Equal(t, "serving", status(), "two failures are not three")
		require.ErrorIs(t, g.State().Err, errSick)
		require.Equal(t, registry.Registered, g.State().Phase)
		time.Sleep(time.Second)
		require.Equal(t, "not_serving", status())
		require.Equal(t, registry.NotServing, g.State().Status)
		require.NoError(t, g.SetStatus(t.Context(), registry.Serving))
		require.Equal(t, "not_serving", status(), "it is what the check finds")

		require.NoError(t, g.SetStatus(t.Context(), registry.Draining))
		sick.Store(false)
		time.Sleep(10 * time.Second)
		require.Equal(t, "draining", status(), "draining stands above")
		require.NoError(t, g.State().Err)
		require.NoError(t, g.SetStatus(t.Context(), registry.Serving))
		require.Equal(t, "serving", status())
		require.NoError(t, r.Drain(t.Context(), service(t), "a"))
		time.Sleep(10 * time.Second)
		require.Equal(t, registry.Draining, g.State().Status, "and so does an order")
		closeIt(t, g)
	})
}

func TestCheckThatPanicsOrHangsHasFailed(t *testing.T) {
	inBubble(t, func(t *testing.T, store, _ *memory.Storage) {
		var runs atomic.Int32
		hang := make(chan struct{})
		run := func(ctx context.Context, _ registry.Instance) error {
			switch runs.Add(1) {
			case 1:
				panic("at the disco")
			case 2: // obeys its ctx
				<-ctx.Done()
				return ctx.Err()
			case 3: // does not
				<-hang
			}
			return nil
		}
		r := on(t, store, &registry.Options{Check: &registry.Check{Run: run, Every: time.Second, Timeout: 2 * time.Second, Fall: 5}})
		g := register(t, r, instance(t, "a"))
		synctest.Wait()
		require.ErrorContains(t, g.State().Err, "at the disco")
		time.Sleep(3500 * time.Millisecond)
		require.ErrorIs(t, g.State().Err, context.DeadlineExceeded)
		time.Sleep(3 * time.Second)
		require.ErrorContains(t, g.State().Err, "has not returned")
		require.EqualValues(t, 3, runs.Load())
		require.Equal(t, registry.Serving, g.State().Status)
		time.Sleep(3 * time.Second)
		require.EqualValues(t, 3, runs.Load(), "runs do not overlap")
		require.Equal(t, registry.NotServing, g.State().Status, "to hang is to fail again and again")
		close(hang)
		time.Sleep(2 * time.Second)
		require.Equal(t, registry.Serving, g.State().Status)
		require.NoError(t, g.State().Err)
		closeIt(t, g)
	})
}

func TestCloseEndsTheCheck(t *testing.T) {
	inBubble(t, func(t *testing.T, store, _ *memory.Storage) {
		var ended atomic.Bool
		r := on(t, store, &registry.Options{Check: &registry.Check{Run: func(ctx context.Context, _ registry.Instance) error {
			<-ctx.Done()
			ended.Store(true)
			return ctx.Err()
		}}})
		g := register(t, r, instance(t, "a"))
		synctest.Wait() // it runs
		start := time.Now()
		closeIt(t, g)
		require.True(t, ended.Load(), "Close waits for it")
		require.Zero(t, time.Since(start))
	})
}

// A check that hears of nothing holds a shutdown up no longer than its ctx allows, and the farewell not at all.
func TestCloseIsBoundedThoughTheCheckHangs(t *testing.T) {
	inBubble(t, func(t *testing.T, store, _ *memory.Storage) {
		hang := make(chan struct{})
		r := on(t, store, &registry.Options{Check: &registry.Check{Run: func(context.Context, registry.Instance) error {
			<-hang
			return nil
		}}})
		g := register(t, r, instance(t, "a"))
		synctest.Wait() // it runs
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.NoError(t, g.Close(ctx), "the farewell is stored")
		require.Error(t, ctx.Err())
		require.Equal(t, "left", records(t, store)["a"].Status)
		close(hang)
	})
}
