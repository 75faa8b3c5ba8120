package mutex

import (
	"context"
	"errors"
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

func TestMutex(t *testing.T) {
	onEach(t, []testCase{
		{"goroutines of one session and of others exclude each other", excludes},
		{"who asked first is served first, under growing tokens", servesInOrder},
		{"a failed TryLock names the holder and leaves nothing", tryLockNamesHolder},
		{"unlock is idempotent and takes an ended ctx", unlockIsIdempotent},
		{"a wait ends with its ctx, says who held, and blocks nobody behind it", cancelledWaiterGoes},
		{"closing the session hands the lock over at once", closeHandsOver},
		{"a dead holder's lock passes on when its lease is over", deadHolderPassesOn},
		{"a waiter whose lease is gone stops waiting", waiterLearnsOfItsLease},
		{"a waiter whose entry is gone stops waiting", waiterLearnsOfItsEntry},
		{"a holder whose lease is revoked is told, and its session heals", holderLearnsOfItsLease},
		{"a holder whose entry is deleted is told, and its unlock harms nobody", holderLearnsOfItsEntry},
		{"Do ends with the lock and says so", doEndsWithLock},
		{"Check asks the store", checkAsks},
		{"break hits the holder meant and nobody else", breakHitsHolder},
		{"an entry that cannot be read blocks, is shown and can be broken", unreadableEntryBlocks},
		{"names with slashes are names like any other", slashesInNames},
		{"names out of bounds are invalid", namesOutOfBounds},
		{"a closed session refuses", closedSessionRefuses},
	})
}

func excludes(t *testing.T, w *world) {
	shared := mutex.New(w.Session(t), name(t), nil)
	others := []*mutex.Mutex{shared, shared, shared, mutex.New(w.Session(t), name(t), nil), mutex.New(w.Session(t), name(t), nil)}
	const rounds = 10
	counter := 0 // unguarded: the race detector and the sum tell
	var last kv.Version
	var wg sync.WaitGroup
	for _, m := range others {
		wg.Go(func() {
			for range rounds {
				err := m.Do(context.Background(), func(_ context.Context, h *mutex.Held) error {
					counter++
					if h.Token() <= last {
						return errors.New("a token went back")
					}
					last = h.Token()
					return nil
				})
				if err != nil {
					t.Errorf("Do: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, rounds*len(others), counter)
	infos, err := mutex.Inspect(context.Background(), w.Process(t), name(t))
	require.NoError(t, err)
	require.Empty(t, append(infos.Holders, infos.Queue...), "entries left behind")
}

func servesInOrder(t *testing.T, w *world) {
	st := w.Process(t)
	h := lock(t, mutex.New(w.Session(t), name(t), nil))
	var waiting []<-chan result
	for i := range 4 {
		waiting = append(waiting, lockAsync(context.Background(), mutex.New(w.Session(t), name(t), nil)))
		w.untilQueued(t, st, i+1)
	}
	for i, c := range waiting {
		for j := i + 1; j < len(waiting); j++ {
			require.Empty(t, waiting[j], "waiter %d was served before %d", j, i)
		}
		before := h.Token()
		unlock(t, h)
		r := worlds.Await(t, c)
		require.NoError(t, r.err)
		h = r.h
		require.Greater(t, h.Token(), before)
	}
	unlock(t, h)
}

func tryLockNamesHolder(t *testing.T, w *world) {
	st := w.Process(t)
	holder := w.Session(t)
	h := lock(t, mutex.New(holder, name(t), &mutex.Options{Note: "backup"}))
	_, err := mutex.New(w.Session(t), name(t), nil).TryLock(t.Context())
	require.ErrorIs(t, err, mutex.ErrLocked)
	var locked *mutex.LockedError
	require.ErrorAs(t, err, &locked)
	require.Equal(t, h.Token(), locked.Holder.Token)
	require.Equal(t, holder.Owner(), locked.Holder.Owner)
	require.Equal(t, "backup", locked.Holder.Note)
	info, err := mutex.Inspect(t.Context(), st, name(t))
	require.NoError(t, err)
	require.Empty(t, info.Queue)
	unlock(t, h)
	h, err = mutex.New(w.Session(t), name(t), nil).TryLock(t.Context())
	require.NoError(t, err)
	unlock(t, h)
}

func unlockIsIdempotent(t *testing.T, w *world) {
	m := mutex.New(w.Session(t), name(t), nil)
	h := lock(t, m)
	require.NoError(t, h.Unlock(worlds.Ended()))
	require.NoError(t, h.Unlock(t.Context()))
	require.ErrorIs(t, h.Err(), session.ErrReleased)
	require.Zero(t, h.ValidFor())
	next := lock(t, m)
	require.NoError(t, h.Unlock(t.Context()), "a repeat must not hit the next holder")
	require.NoError(t, next.Check(t.Context()))
	unlock(t, next)
}

func cancelledWaiterGoes(t *testing.T, w *world) {
	st := w.Process(t)
	h := lock(t, mutex.New(w.Session(t), name(t), nil))
	ctx, cancel := context.WithCancel(context.Background())
	gives := lockAsync(ctx, mutex.New(w.Session(t), name(t), nil))
	w.untilQueued(t, st, 1)
	stays := lockAsync(context.Background(), mutex.New(w.Session(t), name(t), nil))
	w.untilQueued(t, st, 2)
	cancel()
	r := worlds.Await(t, gives)
	require.ErrorIs(t, r.err, context.Canceled)
	var locked *mutex.LockedError
	require.ErrorAs(t, r.err, &locked)
	require.Equal(t, h.Token(), locked.Holder.Token)
	w.untilQueued(t, st, 1)
	require.Empty(t, stays, "the waiter behind went past the holder")
	unlock(t, h)
	r = worlds.Await(t, stays)
	require.NoError(t, r.err)
	unlock(t, r.h)
}

func closeHandsOver(t *testing.T, w *world) {
	st := w.Process(t)
	s := w.Session(t)
	h := lock(t, mutex.New(s, name(t), nil))
	next := lockAsync(context.Background(), mutex.New(w.Session(t), name(t), nil))
	w.untilQueued(t, st, 1)
	require.NoError(t, s.Close(t.Context()))
	require.ErrorIs(t, h.Err(), session.ErrReleased)
	require.NoError(t, h.Unlock(t.Context()))
	r := worlds.Await(t, next)
	require.NoError(t, r.err)
	unlock(t, r.h)
}

func deadHolderPassesOn(t *testing.T, w *world) {
	st := w.Process(t)
	dying, kill := w.Open(t)
	h := lock(t, mutex.New(worlds.Session(t, dying), name(t), nil))
	next := lockAsync(context.Background(), mutex.New(w.Session(t), name(t), nil))
	w.untilQueued(t, st, 1)
	start := time.Now()
	kill() // renews no more, releases nothing
	r := worlds.Await(t, next)
	require.NoError(t, r.err)
	require.LessOrEqual(t, time.Since(start), ttl+500*time.Millisecond+w.Leeway())
	require.ErrorIs(t, h.Err(), mutex.ErrLost, "the dead holder's hold ended before the next one began")
	unlock(t, r.h)
}

func waiterLearnsOfItsLease(t *testing.T, w *world) {
	st := w.Process(t)
	h := lock(t, mutex.New(w.Session(t), name(t), nil))
	s := w.Session(t)
	c := lockAsync(context.Background(), mutex.New(s, name(t), nil))
	w.untilQueued(t, st, 1)
	worlds.Revoke(t, st, s.LeaseID())
	r := worlds.Await(t, c)
	require.ErrorIs(t, r.err, mutex.ErrLost)
	require.NoError(t, h.Err(), "the holder is not concerned")
	unlock(t, h)
}

func waiterLearnsOfItsEntry(t *testing.T, w *world) {
	st := w.Process(t)
	h := lock(t, mutex.New(w.Session(t), name(t), nil))
	c := lockAsync(context.Background(), mutex.New(w.Session(t), name(t), nil))
	w.untilQueued(t, st, 1)
	info, err := mutex.Inspect(t.Context(), st, name(t))
	require.NoError(t, err)
	require.NoError(t, st.Delete(t.Context(), info.Queue[0].Key))
	r := worlds.Await(t, c)
	require.ErrorIs(t, r.err, mutex.ErrLost)
	unlock(t, h)
}

func holderLearnsOfItsLease(t *testing.T, w *world) {
	st := w.Process(t)
	s := w.Session(t)
	m := mutex.New(s, name(t), nil)
	h := lock(t, m)
	old := s.LeaseID()
	worlds.Revoke(t, st, old)
	w.awaitDone(t, h, ttl)
	require.ErrorIs(t, h.Err(), mutex.ErrLost)
	require.ErrorIs(t, h.Unlock(t.Context()), mutex.ErrLost)
	h = lock(t, m)
	require.NotEqual(t, old, s.LeaseID())
	unlock(t, h)
}

func holderLearnsOfItsEntry(t *testing.T, w *world) {
	st := w.Process(t)
	h := lock(t, mutex.New(w.Session(t), name(t), nil))
	next := lockAsync(context.Background(), mutex.New(w.Session(t), name(t), nil))
	w.untilQueued(t, st, 1)
	require.NoError(t, st.Delete(t.Context(), h.Key()))
	r := worlds.Await(t, next)
	require.NoError(t, r.err)
	w.awaitDone(t, h, 3*time.Second)
	require.ErrorIs(t, h.Err(), mutex.ErrLost)
	require.Zero(t, h.ValidFor(), "the lease protects nothing any more")
	require.ErrorIs(t, h.Unlock(t.Context()), mutex.ErrLost)
	require.NoError(t, r.h.Check(t.Context()))
	unlock(t, r.h)
}

func doEndsWithLock(t *testing.T, w *world) {
	st := w.Process(t)
	own := errors.New("own")
	err := mutex.New(w.Session(t), name(t), nil).Do(t.Context(), func(ctx context.Context, h *mutex.Held) error {
		require.NoError(t, st.Delete(ctx, h.Key()))
		<-ctx.Done()
		require.ErrorIs(t, context.Cause(ctx), mutex.ErrLost)
		return own
	})
	require.ErrorIs(t, err, own)
	require.ErrorIs(t, err, mutex.ErrLost)
	m := mutex.New(w.Session(t), name(t), nil)
	require.PanicsWithValue(t, "f", func() {
		_ = m.Do(t.Context(), func(context.Context, *mutex.Held) error { panic("f") })
	})
	require.NoError(t, m.TryDo(t.Context(), func(context.Context, *mutex.Held) error { return nil }))
}

func checkAsks(t *testing.T, w *world) {
	st := w.Process(t)
	h := lock(t, mutex.New(w.Session(t), name(t), nil))
	require.NoError(t, h.Check(t.Context()))
	require.NoError(t, st.Delete(t.Context(), h.Key()))
	require.ErrorIs(t, h.Check(t.Context()), mutex.ErrLost)
	w.awaitDone(t, h, time.Second)
}

func breakHitsHolder(t *testing.T, w *world) {
	st := w.Process(t)
	h := lock(t, mutex.New(w.Session(t), name(t), nil))
	next := lockAsync(context.Background(), mutex.New(w.Session(t), name(t), nil))
	w.untilQueued(t, st, 1)
	require.ErrorIs(t, mutex.Break(t.Context(), st, name(t), h.Token()+1), mutex.ErrNotHeld)
	require.NoError(t, mutex.Break(t.Context(), st, name(t), h.Token()))
	r := worlds.Await(t, next)
	require.NoError(t, r.err)
	w.awaitDone(t, h, 3*time.Second)
	require.ErrorIs(t, h.Err(), mutex.ErrLost)
	require.ErrorIs(t, mutex.Break(t.Context(), st, name(t), h.Token()), mutex.ErrNotHeld)
	require.NoError(t, r.h.Check(t.Context()))

	// Given back while the break makes sure of its target.
	broken := make(chan error, 1)
	go func() { broken <- mutex.Break(context.Background(), st, name(t), r.h.Token()) }()
	if !w.Fake {
		time.Sleep(100 * time.Millisecond) // let Break read first; in any order the answer is the same
	}
	unlock(t, r.h)
	require.ErrorIs(t, <-broken, mutex.ErrNotHeld)
}

func unreadableEntryBlocks(t *testing.T, w *world) {
	st := w.Process(t)
	h := lock(t, mutex.New(w.Session(t), name(t), nil))
	dir := h.Key()[:strings.LastIndexByte(string(h.Key()), '/')+1]
	unlock(t, h)
	token, err := st.Create(t.Context(), kv.Record{Key: dir + "stranger", Value: kv.Value("{")})
	require.NoError(t, err)
	_, err = mutex.New(w.Session(t), name(t), nil).TryLock(t.Context())
	var locked *mutex.LockedError
	require.ErrorAs(t, err, &locked)
	require.Error(t, locked.Holder.Err)
	require.NoError(t, mutex.Break(t.Context(), st, name(t), token))
	h, err = mutex.New(w.Session(t), name(t), nil).TryLock(t.Context())
	require.NoError(t, err)
	unlock(t, h)
}

func slashesInNames(t *testing.T, w *world) {
	st := w.Process(t)
	s := w.Session(t)
	var held []*mutex.Held
	for _, n := range []string{"x", "x/w", "x/w/", "x%2Fw", "ü x"} {
		h, err := mutex.New(s, name(t)+n, nil).TryLock(t.Context())
		require.NoError(t, err, "TryLock(%q)", n)
		held = append(held, h)
	}
	infos, err := mutex.List(t.Context(), st)
	require.NoError(t, err)
	var mine []string
	for _, info := range infos {
		if n, ok := strings.CutPrefix(info.Name, name(t)); ok {
			mine = append(mine, n)
		}
	}
	require.Equal(t, []string{"x", "x%2Fw", "x/w", "x/w/", "ü x"}, mine)
	for _, h := range held {
		unlock(t, h)
	}
}

func namesOutOfBounds(t *testing.T, w *world) {
	s := w.Session(t)
	for _, n := range []string{"", "a\nb", "\xff", strings.Repeat("n", 256)} {
		m := mutex.New(s, n, nil)
		_, err := m.Lock(t.Context())
		require.ErrorIs(t, err, kv.ErrInvalid, "Lock(%q)", n)
		_, err = m.TryLock(t.Context())
		require.ErrorIs(t, err, kv.ErrInvalid, "TryLock(%q)", n)
		_, err = mutex.Inspect(t.Context(), w.Process(t), n)
		require.ErrorIs(t, err, kv.ErrInvalid, "Inspect(%q)", n)
	}
	_, err := mutex.New(nil, "n", nil).Lock(t.Context())
	require.ErrorIs(t, err, kv.ErrInvalid, "Lock without a session")
	h, err := mutex.New(s, strings.Repeat("/", 255), nil).TryLock(t.Context())
	require.NoError(t, err, "the longest name, escaped three-fold")
	unlock(t, h)
}

func closedSessionRefuses(t *testing.T, w *world) {
	st := w.Process(t)
	h := lock(t, mutex.New(w.Session(t), name(t), nil))
	s := w.Session(t)
	c := lockAsync(context.Background(), mutex.New(s, name(t), nil))
	w.untilQueued(t, st, 1)
	require.NoError(t, s.Close(t.Context()))
	require.ErrorIs(t, worlds.Await(t, c).err, kv.ErrClosed)
	_, err := mutex.New(s, name(t), nil).Lock(t.Context())
	require.ErrorIs(t, err, kv.ErrClosed)
	unlock(t, h)
}
