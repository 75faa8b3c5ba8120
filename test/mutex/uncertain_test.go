package mutex

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/worlds"
)

// answerLost returns st with the answer of the first call of op lost.
func answerLost(st kv.Storage, op string) kv.Storage {
	var lost atomic.Bool
	return intercept.Wrap(st, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
		err := do(ctx)
		if c.Op == op && lost.CompareAndSwap(false, true) {
			return fmt.Errorf("%w: answer lost", kv.ErrUncertain)
		}
		return err
	})
}

// onBoth runs body in fake time on memory, and on memory without its capabilities. join is the call that joins a line.
func onBoth(t *testing.T, body func(t *testing.T, store *memory.Storage, wrap func(kv.Storage) kv.Storage, join string)) {
	for _, c := range []struct {
		name string
		wrap func(kv.Storage) kv.Storage
		join string
	}{
		{"with capabilities", func(s kv.Storage) kv.Storage { return s }, intercept.OpAppend},
		{"on the pure contract", kvtest.Hide, intercept.OpCreate},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				store := memory.New(nil)
				t.Cleanup(func() { require.NoError(t, store.Close()) })
				body(t, store, c.wrap, c.join)
			})
		})
	}
}

func TestLostAnswerOfTheJoinLosesNoPlace(t *testing.T) {
	onBoth(t, func(t *testing.T, store *memory.Storage, wrap func(kv.Storage) kv.Storage, join string) {
		holder := session.New(wrap(store), nil)
		h := lock(t, mutex.New(holder, "m", nil))
		s := session.New(answerLost(wrap(store), join), nil)
		next := lockAsync(context.Background(), mutex.New(s, "m", nil))
		synctest.Wait() // it waits to ask again
		behind := lockAsync(context.Background(), mutex.New(holder, "m", nil))
		time.Sleep(time.Second)
		info, err := mutex.Inspect(t.Context(), store, "m")
		require.NoError(t, err)
		require.Len(t, info.Queue, 2, "one entry each")
		require.Equal(t, s.LeaseID(), info.Queue[0].Lease)
		unlock(t, h)
		n := worlds.Await(t, next)
		require.NoError(t, n.err)
		require.Equal(t, info.Queue[0].Token, n.h.Token())
		require.Empty(t, behind)
		unlock(t, n.h)
		unlock(t, worlds.Await(t, behind).h)
		require.NoError(t, s.Close(t.Context()))
		require.NoError(t, holder.Close(t.Context()))
	})
}

func TestLostAnswerOfTheUnlockIsNoLoss(t *testing.T) {
	onBoth(t, func(t *testing.T, store *memory.Storage, wrap func(kv.Storage) kv.Storage, _ string) {
		s := session.New(answerLost(wrap(store), intercept.OpDelete), nil)
		other := session.New(wrap(store), nil)
		h := lock(t, mutex.New(s, "m", nil))
		next := lockAsync(context.Background(), mutex.New(other, "m", nil))
		synctest.Wait()
		unlock(t, h)
		n := worlds.Await(t, next)
		require.NoError(t, n.h.Check(t.Context()), "the repeated delete hits its own entry or none")
		again := lockAsync(context.Background(), mutex.New(s, "m", nil))
		synctest.Wait()
		unlock(t, n.h)
		a := worlds.Await(t, again)
		require.NotEqual(t, h.Key(), a.h.Key(), "a name that an old delete may still hit is not used again")
		unlock(t, a.h)
		require.NoError(t, s.Close(t.Context()))
		require.NoError(t, other.Close(t.Context()))
	})
}

func TestLostAnswerOfADowngradeIsFoundOut(t *testing.T) {
	onBoth(t, func(t *testing.T, store *memory.Storage, wrap func(kv.Storage) kv.Storage, _ string) {
		s := session.New(answerLost(wrap(store), intercept.OpCas), nil)
		other := session.New(wrap(store), nil)
		h := take(t, mutex.NewRW(s, "m", nil).Lock)
		reader := async(context.Background(), mutex.NewRW(other, "m", nil).RLock)
		synctest.Wait()
		require.NoError(t, h.Downgrade(t.Context()))
		r := got(t, reader)
		require.NoError(t, h.Check(t.Context()))
		unlock(t, r)
		unlock(t, h)
		require.NoError(t, s.Close(t.Context()))
		require.NoError(t, other.Close(t.Context()))
	})
}

// A request that was lost is made again: nil means that the store has it.
func TestLostRequestOfADowngradeIsMadeAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, store *memory.Storage, wrap func(kv.Storage) kv.Storage, _ string) {
		var lost atomic.Bool
		s := session.New(intercept.Wrap(wrap(store), func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
			if c.Op == intercept.OpCas && lost.CompareAndSwap(false, true) {
				return fmt.Errorf("%w: request lost", kv.ErrUncertain)
			}
			return do(ctx)
		}), nil)
		h := take(t, mutex.NewRW(s, "m", nil).Lock)
		require.NoError(t, h.Downgrade(t.Context()))
		r := take(t, mutex.NewRW(s, "m", nil).TryRLock)
		unlock(t, r)
		unlock(t, h)
		require.NoError(t, s.Close(t.Context()))
	})
}
