package registry

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/primitives/registry"
)

// A store that will not have an instance, whichever of the calls it refuses, says so at once: the caller can do something about it.
// Who is registered already stays, and waits for the right to be given back.
func TestRefusalsAreToldAtOnceWhileJoining(t *testing.T) {
	refusal := errors.New("permission denied")
	for _, op := range []string{intercept.OpNewLease, intercept.OpCreate, intercept.OpGet} {
		t.Run(op, func(t *testing.T) {
			inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
				var refused atomic.Bool
				st := intercept.Wrap(cut, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
					if c.Op == op && refused.Load() {
						return refusal
					}
					return do(ctx)
				})
				r := on(t, st, nil)
				old := register(t, r, instance(t, "old"))
				refused.Store(true)
				start := time.Now()
				_, err := r.Register(t.Context(), instance(t, "new"))
				require.ErrorIs(t, err, refusal)
				require.Zero(t, time.Since(start), "in fake time")
				require.NoError(t, store.Delete(t.Context(), records(t, store)["old"].Key))
				time.Sleep(time.Hour)
				require.NotContains(t, records(t, store), "new", "nothing of it is left")
				refused.Store(false)
				time.Sleep(ttl + back)
				require.Contains(t, records(t, store), "old")
				closeIt(t, old)
			})
		})
	}
}

// An epoch that is deleted between the read and the write of a join refuses nobody: the deletion has told the readers as much.
func TestEpochDeletedWhileJoiningRefusesNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
		register(t, on(t, store, nil), instance(t, "first")) // makes the epoch
		deleted := false
		r := on(t, intercept.Wrap(cut, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
			if c.Op == intercept.OpCas && c.Key == epochKey(service(t)) {
				deleted = true
				require.NoError(t, store.Delete(ctx, c.Key))
			}
			return do(ctx)
		}), nil)
		v := on(t, hide(store), nil).View(service(t))
		register(t, r, instance(t, "second"))
		require.True(t, deleted)
		_, err := v.WaitFor(t.Context(), 2)
		require.NoError(t, err)
	})
}

// An Update that the farewell overtakes may be in the store or not, and its error says so.
func TestUpdateOvertakenByTheFarewellIsUncertain(t *testing.T) {
	inBubble(t, func(t *testing.T, _, cut *memory.Storage) {
		g := register(t, on(t, cut, nil), instance(t, "a"))
		cut.SetConnected(false)
		result := make(chan error, 1)
		go func() { result <- g.Update(context.Background(), func(i *registry.Instance) { i.Weight = 7 }) }()
		synctest.Wait()
		go func() { _ = g.Close(context.Background()) }()
		err := <-result
		require.ErrorIs(t, err, kv.ErrClosed)
		require.ErrorIs(t, err, kv.ErrUncertain)
		err = g.Update(t.Context(), func(*registry.Instance) {})
		require.ErrorIs(t, err, kv.ErrClosed)
		require.NotErrorIs(t, err, kv.ErrUncertain, "nothing was changed")
	})
}

func TestStatesWithoutAContextIsThePresentOne(t *testing.T) {
	inBubble(t, func(t *testing.T, _, cut *memory.Storage) {
		g := register(t, on(t, cut, nil), instance(t, "a"))
		var none context.Context
		require.Len(t, slices.Collect(g.States(none)), 1)
		closeIt(t, g)
	})
}
