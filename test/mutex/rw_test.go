package mutex

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/worlds"
)

func TestRWMutex(t *testing.T) {
	onEach(t, []testCase{
		{"readers share, and a writer waits for all of them", readersShare},
		{"a reader waits for the writer that asked before, though others read", readerBehindWriter},
		{"the end of a writer lets the readers in up to the next writer", writerLetsReadersIn},
		{"a writer that gives up lets the readers behind it in", writerGivesUp},
		{"a mutex of the same name is the write side", mutexIsWriteSide},
		{"TryRLock joins readers and passes no writer, TryLock passes nobody", tryReadAndWrite},
		{"Inspect shows all who read as holders, and who waits in order", inspectReaders},
		{"break hits the one reader meant", breakOneReader},
		{"a dead reader's lock passes on when its lease is over", deadReaderPassesOn},
		{"a reader whose entry is deleted is told while it holds and while it waits", readerLearnsOfItsEntry},
		{"a downgrade lets in the readers right behind, and no writer before them", downgradeLetsReadersIn},
		{"a downgrade keeps key, token, lease and place", downgradeKeepsPlace},
		{"a downgraded lock that is deleted is told", downgradedIsTold},
		{"a downgrade of what is not held any more changes nothing", downgradeTooLate},
		{"Do writes and RDo reads", doAndRDo},
		{"a name, an option or a ctx out of bounds is invalid", rwOutOfBounds},
	})
}

func (w *world) rw(t *testing.T) *mutex.RWMutex {
	return mutex.NewRW(w.Session(t), name(t), nil)
}

// locker is one of the ways to lock.
type locker = func(context.Context) (*mutex.Held, error)

func take(t *testing.T, l locker) *mutex.Held {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	h, err := l(ctx)
	require.NoError(t, err)
	return h
}

func async(ctx context.Context, l locker) <-chan result {
	c := make(chan result, 1)
	go func() {
		h, err := l(ctx)
		c <- result{h, err}
	}()
	return c
}

// got returns what was waited for.
func got(t *testing.T, c <-chan result) *mutex.Held {
	t.Helper()
	r := worlds.Await(t, c)
	require.NoError(t, r.err)
	return r.h
}

func readersShare(t *testing.T, w *world) {
	st, own := w.Process(t), w.rw(t)
	readers := []*mutex.Held{take(t, own.RLock), take(t, own.RLock), take(t, w.rw(t).RLock)}
	writer := async(context.Background(), w.rw(t).Lock)
	w.untilQueued(t, st, 1)
	for _, i := range []int{1, 0, 2} {
		require.Empty(t, writer, "a writer beside reader %d", i)
		require.NoError(t, readers[i].Err())
		require.True(t, readers[i].Shared())
		unlock(t, readers[i])
	}
	h := got(t, writer)
	require.False(t, h.Shared())
	for _, r := range readers {
		require.Greater(t, h.Token(), r.Token())
	}
	unlock(t, h)
}

func readerBehindWriter(t *testing.T, w *world) {
	st := w.Process(t)
	first := take(t, w.rw(t).RLock)
	writer := async(context.Background(), w.rw(t).Lock)
	w.untilQueued(t, st, 1)
	behind := async(context.Background(), w.rw(t).RLock)
	w.untilQueued(t, st, 2)
	require.Empty(t, behind, "a reader went past a writer")
	unlock(t, first)
	h := got(t, writer)
	require.Empty(t, behind, "a reader beside a writer")
	unlock(t, h)
	r := got(t, behind)
	require.Greater(t, r.Token(), h.Token())
	unlock(t, r)
}

func writerLetsReadersIn(t *testing.T, w *world) {
	st := w.Process(t)
	h := take(t, w.rw(t).Lock)
	var waiting []<-chan result
	for i, l := range []locker{w.rw(t).RLock, w.rw(t).RLock, w.rw(t).Lock, w.rw(t).RLock} {
		waiting = append(waiting, async(context.Background(), l))
		w.untilQueued(t, st, i+1)
	}
	unlock(t, h)
	one, two := got(t, waiting[0]), got(t, waiting[1])
	w.untilQueued(t, st, 2)
	require.Empty(t, waiting[2], "a writer beside readers")
	require.Empty(t, waiting[3], "a reader went past a writer")
	unlock(t, one)
	unlock(t, two)
	unlock(t, got(t, waiting[2]))
	unlock(t, got(t, waiting[3]))
}

func writerGivesUp(t *testing.T, w *world) {
	st := w.Process(t)
	first := take(t, w.rw(t).RLock)
	ctx, cancel := context.WithCancel(context.Background())
	writer := async(ctx, w.rw(t).Lock)
	w.untilQueued(t, st, 1)
	behind := async(context.Background(), w.rw(t).RLock)
	w.untilQueued(t, st, 2)
	cancel()
	err := worlds.Await(t, writer).err
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, mutex.ErrLocked)
	r := got(t, behind)
	require.NoError(t, first.Err())
	unlock(t, r)
	unlock(t, first)
}

func mutexIsWriteSide(t *testing.T, w *world) {
	st, m := w.Process(t), mutex.New(w.Session(t), name(t), nil)
	r := take(t, w.rw(t).RLock)
	_, err := m.TryLock(t.Context())
	require.ErrorIs(t, err, mutex.ErrLocked, "a mutex beside a reader")
	next := async(context.Background(), m.Lock)
	w.untilQueued(t, st, 1)
	unlock(t, r)
	h := got(t, next)
	_, err = w.rw(t).TryRLock(t.Context())
	require.ErrorIs(t, err, mutex.ErrLocked, "a reader beside a mutex")
	_, err = w.rw(t).TryLock(t.Context())
	require.ErrorIs(t, err, mutex.ErrLocked, "a writer beside a mutex")
	unlock(t, h)
}

func tryReadAndWrite(t *testing.T, w *world) {
	st := w.Process(t)
	holder := w.Session(t)
	first := take(t, mutex.NewRW(holder, name(t), &mutex.Options{Note: "report"}).RLock)
	second := take(t, w.rw(t).TryRLock)
	_, err := w.rw(t).TryLock(t.Context())
	var locked *mutex.LockedError
	require.ErrorAs(t, err, &locked)
	require.ErrorIs(t, err, mutex.ErrLocked)
	require.Equal(t, first.Token(), locked.Holder.Token)
	require.Equal(t, holder.Owner(), locked.Holder.Owner)
	require.Equal(t, "report", locked.Holder.Note)
	require.True(t, locked.Holder.Shared)
	require.Equal(t, 2, locked.Ahead)

	writer := async(context.Background(), w.rw(t).Lock)
	w.untilQueued(t, st, 1)
	_, err = w.rw(t).TryRLock(t.Context())
	require.ErrorIs(t, err, mutex.ErrLocked, "a reader that tries goes past a writer")
	w.untilQueued(t, st, 1)
	unlock(t, first)
	unlock(t, second)
	h := got(t, writer)
	_, err = w.rw(t).TryRLock(t.Context())
	require.ErrorAs(t, err, &locked)
	require.Equal(t, h.Token(), locked.Holder.Token)
	require.False(t, locked.Holder.Shared)
	unlock(t, h)
	unlock(t, take(t, w.rw(t).TryLock))
}

func inspectReaders(t *testing.T, w *world) {
	st := w.Process(t)
	one, two := take(t, w.rw(t).RLock), take(t, w.rw(t).RLock)
	writer := async(context.Background(), w.rw(t).Lock)
	w.untilQueued(t, st, 1)
	reader := async(context.Background(), w.rw(t).RLock)
	w.untilQueued(t, st, 2)
	info, err := mutex.Inspect(t.Context(), st, name(t))
	require.NoError(t, err)
	require.Len(t, info.Holders, 2)
	for i, h := range []*mutex.Held{one, two} {
		require.Equal(t, h.Token(), info.Holders[i].Token)
		require.Equal(t, h.Key(), info.Holders[i].Key)
		require.Equal(t, h.Lease(), info.Holders[i].Lease)
		require.True(t, info.Holders[i].Shared)
	}
	require.False(t, info.Queue[0].Shared)
	require.True(t, info.Queue[1].Shared)
	unlock(t, one)
	unlock(t, two)
	unlock(t, got(t, writer))
	unlock(t, got(t, reader))
	info, err = mutex.Inspect(t.Context(), st, name(t))
	require.NoError(t, err)
	require.Equal(t, mutex.Info{Name: name(t)}, info)
}

func breakOneReader(t *testing.T, w *world) {
	st := w.Process(t)
	one, two := take(t, w.rw(t).RLock), take(t, w.rw(t).RLock)
	writer := async(context.Background(), w.rw(t).Lock)
	w.untilQueued(t, st, 1)
	info, err := mutex.Inspect(t.Context(), st, name(t))
	require.NoError(t, err)
	require.ErrorIs(t, mutex.Break(t.Context(), st, name(t), info.Queue[0].Token), mutex.ErrNotHeld, "a waiter holds nothing")
	require.NoError(t, mutex.Break(t.Context(), st, name(t), two.Token()))
	w.awaitDone(t, two, 3*time.Second)
	require.ErrorIs(t, two.Err(), mutex.ErrLost)
	require.NoError(t, one.Check(t.Context()))
	require.Empty(t, writer)
	require.ErrorIs(t, two.Unlock(t.Context()), mutex.ErrLost)
	unlock(t, one)
	unlock(t, got(t, writer))
}

func deadReaderPassesOn(t *testing.T, w *world) {
	st := w.Process(t)
	dying, kill := w.Open(t)
	dead := take(t, mutex.NewRW(worlds.Session(t, dying), name(t), nil).RLock)
	alive := take(t, w.rw(t).RLock)
	writer := async(context.Background(), w.rw(t).Lock)
	w.untilQueued(t, st, 1)
	unlock(t, alive)
	start := time.Now()
	kill()
	h := got(t, writer)
	require.LessOrEqual(t, time.Since(start), ttl+500*time.Millisecond+w.Leeway())
	require.ErrorIs(t, dead.Err(), mutex.ErrLost)
	unlock(t, h)
}

func readerLearnsOfItsEntry(t *testing.T, w *world) {
	st := w.Process(t)
	r := take(t, w.rw(t).RLock)
	writer := async(context.Background(), w.rw(t).Lock)
	w.untilQueued(t, st, 1)
	behind := async(context.Background(), w.rw(t).RLock)
	w.untilQueued(t, st, 2)
	info, err := mutex.Inspect(t.Context(), st, name(t))
	require.NoError(t, err)
	require.NoError(t, st.Delete(t.Context(), info.Queue[1].Key))
	require.ErrorIs(t, worlds.Await(t, behind).err, mutex.ErrLost)
	require.NoError(t, st.Delete(t.Context(), r.Key()))
	w.awaitDone(t, r, 3*time.Second)
	h := got(t, writer)
	require.ErrorIs(t, r.Unlock(t.Context()), mutex.ErrLost)
	require.NoError(t, h.Check(t.Context()))
	unlock(t, h)
}

func downgradeLetsReadersIn(t *testing.T, w *world) {
	st := w.Process(t)
	h := take(t, w.rw(t).Lock)
	var waiting []<-chan result
	for i, l := range []locker{w.rw(t).RLock, w.rw(t).RLock, w.rw(t).Lock, w.rw(t).RLock} {
		waiting = append(waiting, async(context.Background(), l))
		w.untilQueued(t, st, i+1)
	}
	require.NoError(t, h.Downgrade(t.Context()))
	one, two := got(t, waiting[0]), got(t, waiting[1])
	require.NoError(t, h.Err())
	w.untilQueued(t, st, 2)
	require.Empty(t, waiting[2], "a writer beside readers")
	require.Empty(t, waiting[3], "a reader went past a writer")
	unlock(t, one)
	unlock(t, two)
	w.untilQueued(t, st, 2)
	require.Empty(t, waiting[2], "a writer beside a downgraded lock")
	unlock(t, h)
	unlock(t, got(t, waiting[2]))
	unlock(t, got(t, waiting[3]))
}

func downgradeKeepsPlace(t *testing.T, w *world) {
	st := w.Process(t)
	h := take(t, w.rw(t).Lock)
	ctx := h.Context(context.Background())
	writer := async(context.Background(), w.rw(t).Lock)
	w.untilQueued(t, st, 1)
	require.False(t, h.Shared())
	for range 3 {
		require.NoError(t, h.Downgrade(t.Context()), "a repeat is none")
		require.True(t, h.Shared())
	}
	info, err := mutex.Inspect(t.Context(), st, name(t))
	require.NoError(t, err)
	require.Len(t, info.Holders, 1)
	require.Equal(t, h.Token(), info.Holders[0].Token)
	require.Equal(t, h.Key(), info.Holders[0].Key)
	require.Equal(t, h.Lease(), info.Holders[0].Lease)
	require.True(t, info.Holders[0].Shared)
	require.Len(t, info.Queue, 1)
	require.NoError(t, h.Check(t.Context()))
	require.NoError(t, ctx.Err(), "contexts stay")
	require.Empty(t, writer)

	// There is no way back to writing but to let go, and then the writer behind goes first.
	again := async(context.Background(), w.rw(t).Lock)
	w.untilQueued(t, st, 2)
	unlock(t, h)
	second := got(t, writer)
	require.Empty(t, again)
	unlock(t, second)
	unlock(t, got(t, again))
}

func downgradedIsTold(t *testing.T, w *world) {
	st := w.Process(t)
	h := take(t, w.rw(t).Lock)
	require.NoError(t, h.Downgrade(t.Context()))
	r := take(t, w.rw(t).RLock)
	writer := async(context.Background(), w.rw(t).Lock)
	w.untilQueued(t, st, 1)
	require.NoError(t, mutex.Break(t.Context(), st, name(t), h.Token()), "it is breakable under its token")
	w.awaitDone(t, h, 3*time.Second)
	require.ErrorIs(t, h.Unlock(t.Context()), mutex.ErrLost)
	require.ErrorIs(t, h.Downgrade(t.Context()), mutex.ErrLost)
	require.Empty(t, writer)
	unlock(t, r)
	unlock(t, got(t, writer))
}

func downgradeTooLate(t *testing.T, w *world) {
	st := w.Process(t)
	h := take(t, w.rw(t).Lock)
	require.ErrorIs(t, h.Downgrade(worlds.Ended()), context.Canceled)
	require.True(t, h.Shared(), "nobody knows: take it for held for reading")
	require.NoError(t, h.Downgrade(t.Context()), "and ask again")
	unlock(t, h)
	require.ErrorIs(t, h.Downgrade(t.Context()), session.ErrReleased)

	h = take(t, w.rw(t).Lock)
	unlock(t, h)
	require.ErrorIs(t, h.Downgrade(t.Context()), session.ErrReleased)

	h = take(t, w.rw(t).Lock)
	require.NoError(t, st.Delete(t.Context(), h.Key()))
	err := h.Downgrade(t.Context())
	require.ErrorIs(t, err, mutex.ErrLost)
	w.awaitDone(t, h, time.Second)
	require.ErrorIs(t, h.Unlock(t.Context()), mutex.ErrLost)
}

func doAndRDo(t *testing.T, w *world) {
	m := w.rw(t)
	own := errors.New("own")
	err := m.RDo(t.Context(), func(ctx context.Context, h *mutex.Held) error {
		require.True(t, h.Shared())
		return m.RDo(ctx, func(context.Context, *mutex.Held) error { return own })
	})
	require.ErrorIs(t, err, own, "readers of one session share")
	err = m.Do(t.Context(), func(ctx context.Context, h *mutex.Held) error {
		require.False(t, h.Shared())
		_, err := m.TryRLock(ctx)
		require.ErrorIs(t, err, mutex.ErrLocked)
		return nil
	})
	require.NoError(t, err)
}

func rwOutOfBounds(t *testing.T, w *world) {
	s := w.Session(t)
	var none context.Context
	for _, m := range []*mutex.RWMutex{
		mutex.NewRW(s, "", nil), mutex.NewRW(s, "a\nb", nil), mutex.NewRW(nil, "n", nil),
		mutex.NewRW(s, "n", &mutex.Options{Delay: -1}), mutex.NewRW(s, "n", &mutex.Options{Delay: 24*time.Hour + 1}),
	} {
		for _, l := range []locker{m.Lock, m.RLock, m.TryLock, m.TryRLock} {
			_, err := l(t.Context())
			require.ErrorIs(t, err, kv.ErrInvalid, "%q", m.Name())
		}
	}
	_, err := mutex.NewRW(s, "n", nil).RLock(none)
	require.ErrorIs(t, err, kv.ErrInvalid, "nil ctx")
	h := take(t, mutex.NewRW(s, name(t), nil).Lock)
	require.ErrorIs(t, h.Downgrade(none), kv.ErrInvalid, "nil ctx")
	unlock(t, h)
}
