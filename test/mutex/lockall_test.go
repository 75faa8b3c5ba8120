package mutex

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/worlds"
)

func TestLockAll(t *testing.T) {
	onEach(t, []testCase{
		{"sets that overlap, named in any order, never wait in a circle", setsNeverDeadlock},
		{"all are held, sorted by name", allAreHeld},
		{"one deadline for all, and all or nothing", allOrNothing},
		{"the loss of one ends the context and is told by Unlock, which gives back the others", oneOfAllIsLost},
		{"the loss of one while the next is waited for ends the wait", oneIsLostWhileTheNextIsWaitedFor},
		{"no locks, a nil lock, one twice and one out of bounds are invalid, and nothing is locked", noSuchSet},
	})
}

// set makes the locks of the names that the letters stand for.
func set(t *testing.T, s *session.Session, letters string) []*mutex.Mutex {
	var locks []*mutex.Mutex
	for _, l := range letters {
		locks = append(locks, mutex.New(s, name(t)+string(l), nil))
	}
	return locks
}

func setsNeverDeadlock(t *testing.T, w *world) {
	var mu sync.Mutex
	held := make(map[rune]bool)
	var wg sync.WaitGroup
	for i, letters := range []string{"abc", "cba", "bca", "ca", "ac", "bd", "db", "dcba"} {
		s := w.Session(t)
		wg.Go(func() {
			dice := rand.New(rand.NewPCG(uint64(i), 0))
			for range 4 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
				all, err := mutex.LockAll(ctx, set(t, s, letters)...)
				cancel()
				if err != nil {
					t.Errorf("LockAll(%s): %v", letters, err)
					return
				}
				mark := func(on bool) {
					mu.Lock()
					defer mu.Unlock()
					for _, l := range letters {
						if held[l] == on {
							t.Errorf("%c is held twice", l)
						}
						held[l] = on
					}
				}
				mark(true)
				time.Sleep(time.Duration(dice.IntN(3000)) * time.Microsecond)
				mark(false)
				if err := all.Unlock(context.Background()); err != nil {
					t.Errorf("Unlock: %v", err)
				}
			}
		})
	}
	wg.Wait()
}

func allAreHeld(t *testing.T, w *world) {
	s := w.Session(t)
	all, err := mutex.LockAll(t.Context(), set(t, s, "cab")...)
	require.NoError(t, err)
	require.NoError(t, all.Err())
	var names []string
	for _, h := range all.Held() {
		names = append(names, strings.TrimPrefix(h.Name(), name(t)))
		require.NoError(t, h.Check(t.Context()))
		require.GreaterOrEqual(t, h.ValidFor(), all.ValidFor())
	}
	require.Equal(t, []string{"a", "b", "c"}, names)
	require.Positive(t, all.ValidFor())
	all.Held()[0] = nil // the caller's own slice
	ctx := all.Context(t.Context())
	require.NoError(t, ctx.Err())
	require.NoError(t, all.Unlock(worlds.Ended()))
	require.NoError(t, all.Unlock(t.Context()), "a repeat")
	require.ErrorIs(t, context.Cause(ctx), session.ErrReleased)
	require.ErrorIs(t, all.Err(), session.ErrReleased)
	require.Zero(t, all.ValidFor())
	for _, m := range set(t, s, "abc") {
		unlock(t, take(t, m.TryLock))
	}
}

func allOrNothing(t *testing.T, w *world) {
	s := w.Session(t)
	locks := set(t, s, "abcd")
	b, d := take(t, locks[1].Lock), take(t, locks[3].Lock)
	const bound = 300 * time.Millisecond
	ctx, cancel := context.WithTimeout(context.Background(), bound+w.Leeway()) // so that the store has said who is there
	defer cancel()
	start := time.Now()
	got := make(chan error, 1)
	go func() {
		_, err := mutex.LockAll(ctx, locks...)
		got <- err
	}()
	if w.Fake {
		time.Sleep(200 * time.Millisecond)
		unlock(t, b)
	}
	err := <-got
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, mutex.ErrLocked)
	var locked *mutex.LockedError
	require.ErrorAs(t, err, &locked)
	if w.Fake {
		require.Equal(t, bound, time.Since(start), "one deadline for all")
		require.Equal(t, d.Name(), locked.Name)
		require.Equal(t, d.Token(), locked.Holder.Token)
		unlock(t, take(t, locks[1].TryLock))
	}
	unlock(t, take(t, locks[0].TryLock))
	unlock(t, take(t, locks[2].TryLock))
	unlock(t, d)
	if !w.Fake {
		unlock(t, b)
	}
}

func oneOfAllIsLost(t *testing.T, w *world) {
	st, s := w.Process(t), w.Session(t)
	all, err := mutex.LockAll(t.Context(), set(t, s, "abc")...)
	require.NoError(t, err)
	ctx := all.Context(t.Context())
	lost := all.Held()[1]
	require.NoError(t, st.Delete(t.Context(), lost.Key()))
	select {
	case <-ctx.Done():
	case <-time.After(3*time.Second + w.Leeway()):
		require.Fail(t, "the context goes on")
	}
	require.ErrorIs(t, context.Cause(ctx), mutex.ErrLost)
	require.ErrorIs(t, all.Err(), mutex.ErrLost)
	require.Zero(t, all.ValidFor())
	require.NoError(t, all.Held()[0].Err())
	require.ErrorIs(t, all.Unlock(t.Context()), mutex.ErrLost)
	for _, m := range set(t, s, "abc") {
		unlock(t, take(t, m.TryLock))
	}
}

func oneIsLostWhileTheNextIsWaitedFor(t *testing.T, w *world) {
	st, s := w.Process(t), w.Session(t)
	other := take(t, mutex.New(w.Session(t), name(t)+"c", nil).Lock)
	got := make(chan error, 1)
	go func() {
		_, err := mutex.LockAll(context.Background(), set(t, s, "abc")...)
		got <- err
	}()
	waits := func(n string, holders, queue int) mutex.Info {
		var info mutex.Info
		w.Until(t, func() bool {
			var err error
			info, err = mutex.Inspect(context.Background(), st, name(t)+n)
			require.NoError(t, err)
			return len(info.Holders) == holders && len(info.Queue) == queue
		})
		return info
	}
	waits("c", 1, 1)
	require.NoError(t, st.Delete(t.Context(), waits("a", 1, 0).Holders[0].Key))
	select {
	case err := <-got:
		require.ErrorIs(t, err, mutex.ErrLost)
		var op *mutex.Error
		require.ErrorAs(t, err, &op)
		require.Equal(t, name(t)+"a", op.Name)
	case <-time.After(5*time.Second + w.Leeway()):
		require.Fail(t, "it goes on waiting for the third without the first")
	}
	waits("b", 0, 0)
	waits("c", 1, 0)

	go func() {
		_, err := mutex.LockAll(context.Background(), set(t, s, "abc")...)
		got <- err
	}()
	waits("c", 1, 1)
	require.NoError(t, s.Close(t.Context()))
	require.ErrorIs(t, <-got, kv.ErrClosed)
	waits("a", 0, 0)
	unlock(t, other)
}

func noSuchSet(t *testing.T, w *world) {
	st, s := w.Process(t), w.Session(t)
	a := set(t, s, "a")[0]
	var none context.Context
	_, err := mutex.LockAll(none, a)
	require.ErrorIs(t, err, kv.ErrInvalid, "nil ctx")
	for i, locks := range [][]*mutex.Mutex{
		{}, {a, nil}, {a, set(t, w.Session(t), "a")[0]}, {a, mutex.New(s, "z\n", nil)}, {a, mutex.New(s, "z", &mutex.Options{Delay: -1})},
	} {
		ended := take(t, a.Lock) // so that an attempt at it would wait
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := mutex.LockAll(ctx, locks...)
		cancel()
		require.ErrorIs(t, err, kv.ErrInvalid, "set %d", i)
		unlock(t, ended)
	}
	info, err := mutex.Inspect(t.Context(), st, a.Name())
	require.NoError(t, err)
	require.Empty(t, append(info.Holders, info.Queue...))
}
