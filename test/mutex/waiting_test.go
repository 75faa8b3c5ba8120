package mutex

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/worlds"
)

func TestWaiting(t *testing.T) {
	onEach(t, []testCase{
		{"one in the middle that gives up lets nobody past the holder", middleGivesUp},
		{"one in the middle that dies lets nobody past the holder", middleDies},
		{"a waiter whose entry goes with the holder's in one step does not hold", goesWithTheHolder},
		{"a waiter whose entry goes just before the holder's does not hold", goesBeforeTheHolder},
		{"a waiter whose lease ends stops within a second", leaseEndsWhileWaiting},
	})
}

func middleGivesUp(t *testing.T, w *world) {
	st, s := w.Process(t), w.Session(t)
	for _, waiters := range [][]*session.Session{{w.Session(t), w.Session(t)}, {s, s}} {
		h := take(t, mutex.New(w.Session(t), name(t), nil).Lock)
		ctx, cancel := context.WithCancel(context.Background())
		middle := async(ctx, mutex.New(waiters[0], name(t), nil).Lock)
		w.untilQueued(t, st, 1)
		last := async(context.Background(), mutex.New(waiters[1], name(t), nil).Lock)
		w.untilQueued(t, st, 2)
		cancel()
		require.ErrorIs(t, worlds.Await(t, middle).err, context.Canceled)
		w.untilQueued(t, st, 1)
		require.Empty(t, last, "past the holder")
		require.NoError(t, h.Check(t.Context()))
		unlock(t, h)
		unlock(t, got(t, last))
	}
}

func middleDies(t *testing.T, w *world) {
	st, middle := w.Process(t), w.Session(t)
	h := take(t, mutex.New(w.Session(t), name(t), nil).Lock)
	dies := async(context.Background(), mutex.New(middle, name(t), nil).Lock)
	w.untilQueued(t, st, 1)
	last := async(context.Background(), mutex.New(w.Session(t), name(t), nil).Lock)
	w.untilQueued(t, st, 2)
	worlds.Revoke(t, st, middle.LeaseID())
	require.ErrorIs(t, worlds.Await(t, dies).err, mutex.ErrLost)
	w.untilQueued(t, st, 1)
	require.Empty(t, last, "past the holder")
	unlock(t, h)
	unlock(t, got(t, last))
}

func goesWithTheHolder(t *testing.T, w *world) {
	st, s := w.Process(t), w.Session(t)
	h := take(t, mutex.New(s, name(t), nil).Lock)
	with := async(context.Background(), mutex.New(s, name(t), nil).Lock)
	w.untilQueued(t, st, 1)
	behind := async(context.Background(), mutex.New(w.Session(t), name(t), nil).Lock)
	w.untilQueued(t, st, 2)
	worlds.Revoke(t, st, s.LeaseID())
	require.ErrorIs(t, worlds.Await(t, with).err, mutex.ErrLost)
	w.awaitDone(t, h, ttl)
	unlock(t, got(t, behind))
}

func goesBeforeTheHolder(t *testing.T, w *world) {
	st := w.Process(t)
	h := take(t, mutex.New(w.Session(t), name(t), nil).Lock)
	next := async(context.Background(), mutex.New(w.Session(t), name(t), nil).Lock)
	w.untilQueued(t, st, 1)
	info, err := mutex.Inspect(t.Context(), st, name(t))
	require.NoError(t, err)
	require.NoError(t, st.Delete(t.Context(), info.Queue[0].Key))
	unlock(t, h)
	require.ErrorIs(t, worlds.Await(t, next).err, mutex.ErrLost)
}

func leaseEndsWhileWaiting(t *testing.T, w *world) {
	st, s := w.Process(t), w.Session(t)
	h := take(t, mutex.New(w.Session(t), name(t), nil).Lock)
	next := async(context.Background(), mutex.New(s, name(t), nil).Lock)
	w.untilQueued(t, st, 1)
	start := time.Now()
	worlds.Revoke(t, st, s.LeaseID())
	require.ErrorIs(t, worlds.Await(t, next).err, mutex.ErrLost)
	if w.Fake {
		require.LessOrEqual(t, time.Since(start), time.Second)
	}
	unlock(t, h)
}

func TestCancelledWaiterReturnsAtOnceWithTheStoreAway(t *testing.T) {
	withView(t, func(t *testing.T, l *looker) {
		handle := l.store.Connect()
		s := session.New(newWatched(handle, handle), &session.Options{TTL: time.Hour})
		h := take(t, l.o.Lock)
		ctx, cancel := context.WithCancel(context.Background())
		next := async(ctx, mutex.New(s, "m", nil).Lock)
		synctest.Wait()
		handle.SetConnected(false)
		start := time.Now()
		cancel()
		err := (<-next).err
		require.ErrorIs(t, err, context.Canceled)
		var locked *mutex.LockedError
		require.ErrorAs(t, err, &locked)
		require.Equal(t, h.Token(), locked.Holder.Token)
		require.Zero(t, time.Since(start))
		unlock(t, h)
		time.Sleep(time.Minute)
		require.Len(t, l.entries(t), 1, "out of reach, it stands at the head")
		handle.SetConnected(true)
		time.Sleep(5 * time.Second)
		require.Empty(t, l.entries(t), "and goes as soon as the store answers")
		require.NoError(t, s.Close(t.Context()))
		require.NoError(t, handle.Close())
	})
}
