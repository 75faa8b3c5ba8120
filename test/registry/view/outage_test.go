package view

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/primitives/registry"
)

func TestViewThroughOutages(t *testing.T) {
	runViewCases(t, []viewCase{
		{"a store that does not answer is not an empty service", neverSynced},
		{"an outage leaves the last set, which is stale after 25 seconds", staleThenLive},
		{"instances that expired during an outage are held and go in the end", expiredMeanwhile},
		{"an outage lets nobody go who is held, and does not count as time", heldThroughOutage},
		{"a store that refuses is asked again for ever, and the refusal is told", refusedForAWhile},
		{"Refresh tells why the store cannot be read", refreshFails},
		{"a read that fails is no change", failedReads},
		{"a view whose registry is closed is stale", staleAfterClose},
	})
}

// cut lets a reader's way to the store be interrupted.
type cut struct {
	handle *memory.Storage
	r      *registry.Registry
}

// away is a registry whose handle on the store can be cut off.
func (s *scene) away(t *testing.T, opts *registry.Options) *cut {
	handle := s.store.Connect()
	return &cut{handle, openRegistry(t, s.wrap(handle), opts)}
}

func neverSynced(t *testing.T, s *scene) {
	c := s.away(t, nil)
	c.handle.SetConnected(false)
	v := c.r.View(service)
	defer v.Close()
	require.Equal(t, registry.Never, v.Snapshot().Health)
	snap, err := v.Next(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, registry.Never, snap.Health)
	require.ErrorIs(t, snap.Err, kv.ErrUnavailable)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err = v.WaitFor(ctx, 0)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, kv.ErrUnavailable, "it says why, too")
	s.put(t, "a")
	c.handle.SetConnected(true)
	require.LessOrEqual(t, shows(t, v, "a"), 3*time.Second)
	require.Equal(t, registry.Live, v.Snapshot().Health)
	require.NoError(t, v.Snapshot().Err)
}

func staleThenLive(t *testing.T, s *scene) {
	c := s.away(t, nil)
	v := c.r.View(service)
	defer v.Close()
	ids := s.puts(t, 3)
	shows(t, v, ids...)
	after(time.Minute)
	require.Equal(t, registry.Live, v.Snapshot().Health)
	c.handle.SetConnected(false)
	s.put(t, "new")
	after(14 * time.Second)
	require.Equal(t, registry.Live, v.Snapshot().Health, "it was heard of less than 25 seconds ago")
	after(12 * time.Second)
	require.Equal(t, registry.Stale, v.Snapshot().Health)
	after(time.Hour)
	require.Equal(t, ids, idsOf(v.Snapshot()))
	require.Zero(t, v.Snapshot().Held)
	c.handle.SetConnected(true)
	require.LessOrEqual(t, shows(t, v, append(ids, "new")...), 12*time.Second)
	require.Equal(t, registry.Live, v.Snapshot().Health)
}

func expiredMeanwhile(t *testing.T, s *scene) {
	c := s.away(t, nil)
	v := c.r.View(service)
	defer v.Close()
	ids := s.puts(t, 3)
	shows(t, v, ids...)
	c.handle.SetConnected(false)
	s.die(t, ids...)
	after(time.Minute)
	require.Equal(t, ids, idsOf(v.Snapshot()))
	c.handle.SetConnected(true)
	after(12 * time.Second)
	require.Equal(t, registry.Live, v.Snapshot().Health)
	require.Equal(t, 3, v.Snapshot().Held, "they may come back as the store has")
	s.put(t, "i00")
	after(30 * time.Second)
	require.Equal(t, []string{"i00"}, idsOf(v.Snapshot()))
}

func heldThroughOutage(t *testing.T, s *scene) {
	c := s.away(t, nil)
	v := c.r.View(service)
	defer v.Close()
	ids := s.puts(t, 3)
	shows(t, v, ids...)
	s.die(t, ids...)
	after(time.Second)
	require.Equal(t, 3, v.Snapshot().Held)
	c.handle.SetConnected(false)
	after(time.Hour)
	require.Equal(t, registry.Stale, v.Snapshot().Health)
	require.Equal(t, ids, idsOf(v.Snapshot()), "an outage of the store is not an empty service")
	c.handle.SetConnected(true)
	_, err := v.Refresh(t.Context())
	require.NoError(t, err)
	require.Equal(t, registry.Live, v.Snapshot().Health)
	require.Equal(t, 3, v.Snapshot().Held, "they may come back as the store has")
	after(time.Second)
	require.Equal(t, 3, v.Snapshot().Held, "the hour does not count")
	require.LessOrEqual(t, shows(t, v), registry.DefaultHoldFor)
}

func staleAfterClose(t *testing.T, s *scene) {
	r := registry.New(s.st, nil)
	v := r.View(service)
	ids := s.puts(t, 3)
	shows(t, v, ids...)
	require.NoError(t, r.Close(t.Context()))
	require.Equal(t, registry.Stale, v.Snapshot().Health)
	require.ErrorIs(t, v.Snapshot().Err, kv.ErrClosed)
	require.Equal(t, ids, idsOf(v.Snapshot()), "what was known is served on")
	_, err := v.Next(t.Context(), 0)
	require.ErrorIs(t, err, kv.ErrClosed)
}

func refusedForAWhile(t *testing.T, s *scene) {
	refusal := errors.New("permission denied")
	refused := make(chan struct{})
	st := intercept.Wrap(s.st, func(ctx context.Context, _ intercept.Call, do func(context.Context) error) error {
		select {
		case <-refused:
			return do(ctx)
		default:
			return refusal
		}
	})
	s.put(t, "a")
	v := openRegistry(t, st, nil).View(service)
	defer v.Close()
	after(time.Hour)
	snap := v.Snapshot()
	require.ErrorIs(t, snap.Err, refusal)
	require.Equal(t, uint64(1), snap.Gen, "it is told once")
	close(refused)
	require.LessOrEqual(t, shows(t, v, "a"), 3*time.Second)
}

func refreshFails(t *testing.T, s *scene) {
	c := s.away(t, nil)
	v := c.r.View(service)
	defer v.Close()
	s.put(t, "a")
	shows(t, v, "a")
	c.handle.SetConnected(false)
	_, err := v.Refresh(briefly(t))
	if _, native := kv.As[kv.RangeWatcher](s.st); native {
		require.ErrorIs(t, err, context.DeadlineExceeded, "a watch waits for the store")
	} else {
		require.ErrorIs(t, err, kv.ErrUnavailable)
	}
	require.Equal(t, []string{"a"}, idsOf(v.Snapshot()))
	c.handle.SetConnected(true)
	_, err = v.Refresh(t.Context())
	require.NoError(t, err)
}

// briefly is a ctx of one second.
func briefly(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	t.Cleanup(cancel)
	return ctx
}

func failedReads(t *testing.T, s *scene) {
	c := s.away(t, nil)
	v := c.r.View(service)
	defer v.Close()
	ids := s.puts(t, 3)
	shows(t, v, ids...)
	gen := v.Snapshot().Gen
	for range 10 {
		c.handle.SetConnected(false)
		_, err := v.Refresh(briefly(t))
		require.Error(t, err)
		c.handle.SetConnected(true)
		after(3 * time.Second)
	}
	require.Equal(t, ids, idsOf(v.Snapshot()))
	require.Equal(t, registry.Live, v.Snapshot().Health)
	require.Equal(t, gen, v.Snapshot().Gen, "nothing has changed")
}

// abrupt is a store whose watches end at once, and do not say why, until it is mended.
type abrupt struct {
	kv.Storage
	begun  atomic.Int32
	mended atomic.Bool
}

func (a *abrupt) WatchRange(ctx context.Context, start, end kv.Key) iter.Seq2[kv.RangeEvent, error] {
	a.begun.Add(1)
	w, _ := kv.As[kv.RangeWatcher](a.Storage)
	if a.mended.Load() {
		return w.WatchRange(ctx, start, end)
	}
	return func(func(kv.RangeEvent, error) bool) {}
}

func TestAWatchThatEndsIsBegunAnewAndNotInAHurry(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		s := &scene{store: store, st: store}
		st := &abrupt{Storage: store}
		s.put(t, "a")
		v := openRegistry(t, st, nil).View(service)
		defer v.Close()
		after(time.Hour)
		require.LessOrEqual(t, st.begun.Load(), int32(time.Hour/time.Second)+10)
		require.Equal(t, registry.Never, v.Snapshot().Health)
		require.Error(t, v.Snapshot().Err)
		st.mended.Store(true)
		require.LessOrEqual(t, shows(t, v, "a"), 3*time.Second)
		require.Equal(t, registry.Live, v.Snapshot().Health)
	})
}
