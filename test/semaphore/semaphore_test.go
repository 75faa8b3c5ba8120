package semaphore

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/semaphore"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/worlds"
)

func TestSemaphore(t *testing.T) {
	worlds.Each(t, []worlds.Case{
		{Name: "no more than the limit is in use, by goroutines of one session and of others", Run: bounded},
		{Name: "who asked first is served first, under growing tokens", Run: inOrder},
		{Name: "a small request does not go past a large one that waits", Run: noOvertaking},
		{Name: "whoever gives back first lets the next in", Run: outOfOrder},
		{Name: "one in the middle that gives up lets nobody in before its turn, and blocks nobody", Run: middleGivesUp},
		{Name: "a failed TryAcquire tells who holds and how much is free, and leaves nothing", Run: tryTells},
		{Name: "a wait that ends with its ctx tells who was there", Run: waitEndsWithCtx},
		{Name: "release is idempotent and takes an ended ctx", Run: releaseIsIdempotent},
		{Name: "what a dead holder had comes back when its lease is over", Run: deadHolder},
		{Name: "closing a session gives all its permits back at once", Run: closeGivesBack},
		{Name: "a holder whose entry is deleted is told", Run: entryDeleted},
		{Name: "a waiter whose lease is gone stops waiting, and its session heals", Run: waiterLosesLease},
		{Name: "Do gives back, and tells of a loss", Run: doGivesBack},
		{Name: "another limit than the stored one is a LimitError", Run: otherLimit},
		{Name: "Follow goes by the stored limit", Run: follows},
		{Name: "a higher limit lets in who fits", Run: raised},
		{Name: "a lower limit takes nothing away, and ends the wait of who wants more", Run: lowered},
		{Name: "who stands behind holders under a higher limit waits for all of them", Run: heldUnderHigher},
		{Name: "and so behind those under a limit that could not be read when it was set anew", Run: heldUnderUnreadable},
		{Name: "break hits the permit meant", Run: breakHits},
		{Name: "an entry that cannot be read takes its place, is shown and can be broken", Run: unreadableEntry},
		{Name: "a limit that cannot be read lets nobody in, is shown and can be set anew", Run: unreadableLimit},
		{Name: "Inspect and List show limits, holders and queues", Run: inspected},
		{Name: "what is out of bounds is invalid", Run: outOfBounds},
		{Name: "a closed session refuses", Run: closedSession},
	})
}

func bounded(t *testing.T, w *worlds.World) {
	const limit = 3
	var used, most atomic.Int64
	done := make(chan error, 12)
	for range 3 {
		s := seats(t, w, limit)
		for g := range 4 {
			go func() {
				for range 5 {
					n := int64(g%2 + 1)
					err := s.Do(context.Background(), n, func(_ context.Context, p *semaphore.Permit) error {
						now := used.Add(n)
						for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
						}
						if w.Fake {
							time.Sleep(time.Millisecond)
						}
						used.Add(-n)
						return nil
					})
					if err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
	}
	for range 12 {
		require.NoError(t, worlds.Await(t, done))
	}
	require.LessOrEqual(t, most.Load(), int64(limit))
	require.Empty(t, inspect(t, w.Process(t)).Holders)
}

func inOrder(t *testing.T, w *worlds.World) {
	last := acquire(t, seats(t, w, 1), 1)
	var waiting []<-chan result
	for range 5 {
		waiting = append(waiting, queued(t, w, seats(t, w, 1), 1))
	}
	for i, c := range waiting {
		for _, later := range waiting[i:] {
			require.Empty(t, later, "number %d", i)
		}
		release(t, last)
		p := got(t, c)
		require.Greater(t, p.Token(), last.Token())
		last = p
	}
	release(t, last)
}

func noOvertaking(t *testing.T, w *worlds.World) {
	holder := acquire(t, seats(t, w, 4), 3)
	large := queued(t, w, seats(t, w, 4), 4)
	small := queued(t, w, seats(t, w, 4), 1)
	require.Empty(t, small, "one is free, and the large one was first")
	release(t, holder)
	p := got(t, large)
	require.Empty(t, small)
	release(t, p)
	release(t, got(t, small))
}

func outOfOrder(t *testing.T, w *worlds.World) {
	var held []*semaphore.Permit
	for range 4 {
		held = append(held, acquire(t, seats(t, w, 4), 1))
	}
	for _, i := range []int{2, 0, 3, 1} { // never the one that a waiter would guess
		c := queued(t, w, seats(t, w, 4), 1)
		release(t, held[i])
		held[i] = got(t, c)
	}
	for _, p := range held {
		release(t, p)
	}
}

func middleGivesUp(t *testing.T, w *worlds.World) {
	st := w.Process(t)
	holder := acquire(t, seats(t, w, 2), 2)
	first := queued(t, w, seats(t, w, 2), 1)
	ctx, cancel := context.WithCancel(context.Background())
	middle := queuedUntil(t, ctx, w, seats(t, w, 2), 2)
	last := queued(t, w, seats(t, w, 2), 1)
	cancel()
	require.ErrorIs(t, worlds.Await(t, middle).err, context.Canceled)
	w.Until(t, func() bool { return len(inspect(t, st).Queue) == 2 })
	require.Empty(t, first)
	require.Empty(t, last)
	release(t, holder)
	one, two := got(t, first), got(t, last)
	release(t, one)
	release(t, two)
}

func tryTells(t *testing.T, w *worlds.World) {
	st := w.Process(t)
	s := seats(t, w, 3)
	p := acquire(t, s, 2)
	_, err := seats(t, w, 3).TryAcquire(t.Context(), 2)
	require.ErrorIs(t, err, semaphore.ErrFull)
	var full *semaphore.FullError
	require.ErrorAs(t, err, &full)
	require.Equal(t, int64(1), full.Free())
	require.Equal(t, p.Token(), full.Before.Holders[0].Token)
	require.ErrorContains(t, err, "1 of 3 free")
	require.Len(t, inspect(t, st).Holders, 1)
	require.Empty(t, inspect(t, st).Queue)
	one, err := s.TryAcquire(t.Context(), 1)
	require.NoError(t, err)
	release(t, one)
	release(t, p)
}

func waitEndsWithCtx(t *testing.T, w *worlds.World) {
	p := acquire(t, seats(t, w, 1), 1)
	st := w.Process(t)
	ctx, cancel := context.WithCancel(context.Background())
	c := queuedUntil(t, ctx, w, asked(t, w, 1), 1)
	cancel()
	err := worlds.Await(t, c).err
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, semaphore.ErrFull)
	var full *semaphore.FullError
	require.ErrorAs(t, err, &full)
	require.Equal(t, 1, full.Ahead)
	require.Equal(t, p.Token(), full.Before.Holders[0].Token)
	w.Until(t, func() bool { return len(inspect(t, st).Queue) == 0 })
	release(t, p)
}

func releaseIsIdempotent(t *testing.T, w *worlds.World) {
	s := seats(t, w, 2)
	p := acquire(t, s, 2)
	require.NoError(t, p.Release(worlds.Ended()))
	other := acquire(t, s, 2)
	require.NoError(t, p.Release(context.Background()))
	require.ErrorIs(t, p.Err(), session.ErrReleased)
	require.NoError(t, other.Check(t.Context()), "a repeat hits nobody")
	release(t, other)
}

func deadHolder(t *testing.T, w *worlds.World) {
	st, kill := w.Open(t)
	p := acquire(t, userOf(t, st, 2, nil), 2)
	c := queued(t, w, seats(t, w, 2), 1)
	kill()
	next := got(t, c)
	require.Greater(t, next.Token(), p.Token())
	require.Zero(t, p.ValidFor(), "the dead one knew")
	release(t, next)
}

func closeGivesBack(t *testing.T, w *worlds.World) {
	s := seats(t, w, 3)
	one, two := acquire(t, s, 1), acquire(t, s, 2)
	c := queued(t, w, seats(t, w, 3), 3)
	require.NoError(t, s.ss.Close(t.Context()))
	release(t, got(t, c))
	require.ErrorIs(t, one.Err(), session.ErrReleased)
	require.ErrorIs(t, two.Err(), session.ErrReleased)
}

func entryDeleted(t *testing.T, w *worlds.World) {
	st := w.Process(t)
	p := acquire(t, seats(t, w, 1), 1)
	require.NoError(t, st.Delete(t.Context(), p.Key()))
	worlds.Await(t, p.Done())
	require.ErrorIs(t, p.Err(), semaphore.ErrLost)
	next := acquire(t, seats(t, w, 1), 1)
	require.ErrorIs(t, p.Release(t.Context()), semaphore.ErrLost)
	require.NoError(t, next.Check(t.Context()), "the release of a lost permit harms nobody")
	release(t, next)
}

func waiterLosesLease(t *testing.T, w *worlds.World) {
	st := w.Process(t)
	p := acquire(t, seats(t, w, 1), 1)
	s := seats(t, w, 1)
	c := queued(t, w, s, 1)
	worlds.Revoke(t, st, s.ss.LeaseID())
	require.ErrorIs(t, worlds.Await(t, c).err, semaphore.ErrLost)
	release(t, p)
	release(t, acquire(t, s, 1))
}

func doGivesBack(t *testing.T, w *worlds.World) {
	st, s := w.Process(t), seats(t, w, 1)
	wrong := errors.New("wrong")
	require.ErrorIs(t, s.Do(t.Context(), 1, func(context.Context, *semaphore.Permit) error { return wrong }), wrong)
	err := s.Do(t.Context(), 1, func(ctx context.Context, p *semaphore.Permit) error {
		require.NoError(t, st.Delete(ctx, p.Key()))
		<-ctx.Done()
		return context.Cause(ctx)
	})
	require.ErrorIs(t, err, semaphore.ErrLost)
	require.Panics(t, func() {
		_ = s.Do(t.Context(), 1, func(context.Context, *semaphore.Permit) error { panic("through") })
	})
	release(t, acquire(t, s, 1))
}

func outOfBounds(t *testing.T, w *worlds.World) {
	ss := w.Session(t)
	for _, s := range []*semaphore.Semaphore{
		semaphore.New(ss, "", 1, nil), semaphore.New(ss, "a\nb", 1, nil), semaphore.New(ss, strings.Repeat("n", 256), 1, nil),
		semaphore.New(ss, t.Name(), 0, nil), semaphore.New(ss, t.Name(), -1, nil), semaphore.New(nil, t.Name(), 1, nil),
	} {
		_, err := s.Acquire(t.Context(), 1)
		require.ErrorIs(t, err, kv.ErrInvalid, "Acquire")
		_, err = s.TryAcquire(t.Context(), 1)
		require.ErrorIs(t, err, kv.ErrInvalid, "TryAcquire")
		require.ErrorIs(t, s.SetLimit(t.Context(), 1), kv.ErrInvalid, "SetLimit")
	}
	s := semaphore.New(ss, t.Name(), 2, nil)
	for _, n := range []int64{0, -1, 3} {
		_, err := s.Acquire(t.Context(), n)
		require.ErrorIs(t, err, kv.ErrInvalid, "Acquire(%d)", n)
	}
	require.ErrorIs(t, s.SetLimit(t.Context(), 0), kv.ErrInvalid)
	_, err := semaphore.Inspect(t.Context(), w.Process(t), "")
	require.ErrorIs(t, err, kv.ErrInvalid)
	require.ErrorIs(t, semaphore.Break(t.Context(), w.Process(t), "", 1), kv.ErrInvalid)
	require.Empty(t, inspect(t, w.Process(t)).Holders)
	p, err := semaphore.New(ss, t.Name()+"/1", 1, nil).Acquire(t.Context(), 1)
	require.NoError(t, err, "a slash is a character like any other")
	release(t, p)
}

func closedSession(t *testing.T, w *worlds.World) {
	p := acquire(t, seats(t, w, 1), 1)
	s := seats(t, w, 1)
	c := queued(t, w, s, 1)
	require.NoError(t, s.ss.Close(t.Context()))
	require.ErrorIs(t, worlds.Await(t, c).err, kv.ErrClosed)
	_, err := s.Acquire(t.Context(), 1)
	require.ErrorIs(t, err, kv.ErrClosed)
	release(t, p)
}
