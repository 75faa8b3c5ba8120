package semaphore

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/fault"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/semaphore"
)

// overFaults runs body with a user, of a limit of 2, over a way to the store that has no faults yet, and another over one that never will.
func overFaults(t *testing.T, body func(t *testing.T, way *fault.Storage, u, other *user)) {
	for _, c := range []struct {
		name string
		wrap func(kv.Storage) kv.Storage
	}{{"with capabilities", same}, {"without", kvtest.Hide}} {
		t.Run(c.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				store := memory.New(nil)
				t.Cleanup(func() { require.NoError(t, store.Close()) })
				way := fault.New(c.wrap(store.Connect()), 1, fault.Faults{})
				t.Cleanup(func() { require.NoError(t, way.Close()) })
				u, other := ready(t, count.New(way), 2), ready(t, count.New(store), 2)
				body(t, way, u, other)
				way.Heal()
				time.Sleep(time.Minute)
				info := inspect(t, store)
				require.Empty(t, append(info.Holders, info.Queue...), "left behind")
			})
		})
	}
}

// lose loses all of one kind for the shortest while, and so the first of them.
func lose(way *fault.Storage, f fault.Faults) {
	way.Set(f)
	time.AfterFunc(time.Millisecond, way.Heal)
}

func TestEntryWhoseAnswerIsLostKeepsItsPlace(t *testing.T) {
	overFaults(t, func(t *testing.T, way *fault.Storage, u, other *user) {
		release(t, acquire(t, other, 1))
		lose(way, fault.Faults{AnswerLost: 1})
		p := acquire(t, u, 2)
		require.Len(t, inspect(t, other.st).Holders, 1)
		require.Equal(t, p.Token(), inspect(t, other.st).Holders[0].Token)
		release(t, p)

		held := acquire(t, other, 2)
		lose(way, fault.Faults{AnswerLost: 1})
		first := acquireAsync(context.Background(), u, 2)
		synctest.Wait() // it is there, and does not know; the next comes before it has asked again
		second := acquireAsync(context.Background(), other, 1)
		time.Sleep(time.Second)
		require.Len(t, inspect(t, other.st).Queue, 2)
		release(t, held)
		p = got(t, first)
		require.Empty(t, second)
		release(t, p)
		release(t, got(t, second))
	})
}

func TestReleaseWhoseAnswerIsLost(t *testing.T) {
	overFaults(t, func(t *testing.T, way *fault.Storage, u, other *user) {
		p := acquire(t, u, 2)
		lose(way, fault.Faults{AnswerLost: 1})
		require.NoError(t, p.Release(t.Context()), "the second try finds it gone")
		require.Empty(t, inspect(t, other.st).Holders)

		p = acquire(t, u, 2)
		way.Set(fault.Faults{RequestLost: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, p.Release(ctx), kv.ErrUncertain)
		require.ErrorIs(t, p.Release(t.Context()), kv.ErrUncertain, "a repeat returns the first result")
		require.Error(t, p.Err())
		require.Len(t, inspect(t, other.st).Holders, 1)
		way.Heal()
		release(t, acquire(t, other, 2)) // what goes on in the background has removed it
	})
}

func TestAcquireGivenUpWhileItsEntryIsUncertainLeavesNothing(t *testing.T) {
	for name, faults := range map[string]fault.Faults{
		"request lost": {RequestLost: 1}, "answer lost": {AnswerLost: 1}, "late": {Late: 1, LateAtMost: 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			overFaults(t, func(t *testing.T, way *fault.Storage, u, other *user) {
				release(t, acquire(t, other, 1))
				way.Set(faults)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := u.Acquire(ctx, 2)
				require.ErrorIs(t, err, context.DeadlineExceeded)
				way.Heal()
				time.Sleep(10 * time.Second)
				release(t, acquire(t, other, 2))
			})
		})
	}
}

func TestFirstLimitWhoseAnswerIsLostIsStored(t *testing.T) {
	overFaults(t, func(t *testing.T, way *fault.Storage, u, other *user) {
		lose(way, fault.Faults{AnswerLost: 1})
		release(t, acquire(t, u, 2))
		require.Equal(t, int64(2), inspect(t, other.st).Limit)
		release(t, acquire(t, other, 2))
	})
}

func TestSetLimitTellsThatItsOutcomeIsUnknown(t *testing.T) {
	overFaults(t, func(t *testing.T, way *fault.Storage, u, other *user) {
		for first, want := range []int64{3, 4} { // that stores one, and that changes it
			lose(way, fault.Faults{AnswerLost: 1})
			require.NoError(t, u.SetLimit(t.Context(), want))
			require.Equal(t, want, inspect(t, other.st).Limit)

			way.Set(fault.Faults{RequestLost: 1})
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			err := u.SetLimit(ctx, 7)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorIs(t, err, kv.ErrUncertain, "number %d", first)

			way.Set(fault.Faults{RequestLost: 1})
			time.AfterFunc(time.Millisecond, func() { way.Set(fault.Faults{Refused: 1}) })
			err = u.SetLimit(t.Context(), 8)
			require.ErrorIs(t, err, kv.ErrUnavailable)
			require.ErrorIs(t, err, kv.ErrUncertain, "the first try may have been made")
			way.Heal()
			require.Equal(t, want, inspect(t, other.st).Limit)
		}
	})
}

// A SetLimit whose outcome is unknown leaves a Semaphore that goes by either limit.
func TestAcquireAfterAnUncertainSetLimit(t *testing.T) {
	for name, faults := range map[string]fault.Faults{"request lost": {RequestLost: 1}, "answer lost": {AnswerLost: 1}} {
		t.Run(name, func(t *testing.T) {
			overFaults(t, func(t *testing.T, way *fault.Storage, u, other *user) {
				release(t, acquire(t, u, 2))
				way.Set(faults)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
				defer cancel()
				require.ErrorIs(t, u.SetLimit(ctx, 5), kv.ErrUncertain)
				way.Heal()
				release(t, acquire(t, u, 2))
				p, err := u.Acquire(t.Context(), 5)
				var limit *semaphore.LimitError
				if name == "request lost" {
					require.ErrorAs(t, err, &limit)
					return
				}
				require.NoError(t, err)
				release(t, p)
			})
		})
	}
}
