package mutex

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/worlds"
)

func TestDelay(t *testing.T) {
	onEach(t, []testCase{
		{"after an unlock nobody waits and no record stays", noDelayAfterUnlock},
		{"after a crash the next holder waits the delay", delayAfterCrash},
		{"after a break the next holder waits the delay, once", delayAfterBreak},
		{"after a loss that its holder knows of the next holder waits the delay", delayAfterLoss},
		{"a ctx that ends in the delay gives the lock back, and the next holder still waits", ctxEndsInDelay},
		{"a try does not wait, and says so", tryDoesNotWait},
		{"a lock that is only ever tried comes free after the delay", onlyTried},
		{"readers that live do not delay each other", readersDelayNobody},
		{"a dead reader delays readers and writers", deadReaderDelays},
		{"a downgraded lock delays no reader", downgradedDelaysNobody},
		{"a delay that was left cannot be read: one's own counts", unreadableDelay},
	})
}

// delay is long enough to be told from a slow machine, and short of what the tests wait.
const delay = 1500 * time.Millisecond

func (w *world) delayed(t *testing.T) *mutex.RWMutex {
	return mutex.NewRW(w.Session(t), name(t), &mutex.Options{Delay: delay})
}

// left are the records that holders of the lock which key is an entry of have left.
func left(t *testing.T, st kv.Storage, key kv.Key) kv.Records {
	t.Helper()
	name, _, _ := strings.Cut(strings.TrimPrefix(string(key), "coord/lock/"), "/")
	start, end := kv.PrefixRange(kv.Key("coord/lockdelay/" + name + "/"))
	records, err := st.GetRange(context.Background(), start, end)
	require.NoError(t, err)
	return records
}

// waited says that a delay went by since start, and in a bubble nothing more.
func (w *world) waited(t *testing.T, start time.Time) {
	t.Helper()
	require.GreaterOrEqual(t, time.Since(start), delay)
	if w.Fake {
		require.Equal(t, delay, time.Since(start))
	}
}

// broken returns a lock that was taken away from its holder, who was told.
func (w *world) broken(t *testing.T, st kv.Storage, l locker) *mutex.Held {
	t.Helper()
	h := take(t, l)
	require.NoError(t, mutex.Break(t.Context(), st, name(t), h.Token()))
	w.awaitDone(t, h, 3*time.Second)
	return h
}

func noDelayAfterUnlock(t *testing.T, w *world) {
	st := w.Process(t)
	m := mutex.NewRW(w.Session(t), name(t), &mutex.Options{Delay: time.Hour}) // nobody here would wait that long
	for _, l := range []locker{m.Lock, m.RLock, m.TryLock, m.TryRLock, m.Lock} {
		h := take(t, l)
		require.Len(t, left(t, st, h.Key()), 1)
		unlock(t, h)
		require.Empty(t, left(t, st, h.Key()))
	}
}

func delayAfterCrash(t *testing.T, w *world) {
	st := w.Process(t)
	dying, kill := w.Open(t)
	h := take(t, mutex.NewRW(worlds.Session(t, dying), name(t), &mutex.Options{Delay: delay}).Lock)
	next := async(context.Background(), w.delayed(t).Lock)
	w.untilQueued(t, st, 1)
	waits := time.Now() // when it was still, for certain, seen to wait
	kill()
	w.awaitDone(t, h, ttl)
	w.Until(t, func() bool {
		asked := time.Now()
		info, err := mutex.Inspect(context.Background(), st, name(t))
		require.NoError(t, err)
		if len(info.Queue) > 0 {
			waits = asked
		}
		return len(info.Queue) == 0
	})
	n := got(t, next)
	require.GreaterOrEqual(t, time.Since(waits), delay)
	require.Len(t, left(t, st, n.Key()), 1, "the dead one's record is cleared away")
	unlock(t, n)
	require.Empty(t, left(t, st, n.Key()))
}

func delayAfterBreak(t *testing.T, w *world) {
	st := w.Process(t)
	h := w.broken(t, st, w.delayed(t).Lock)
	start := time.Now()
	next := take(t, w.delayed(t).Lock)
	w.waited(t, start)
	require.Greater(t, next.Token(), h.Token())
	unlock(t, next)
	later := take(t, mutex.NewRW(w.Session(t), name(t), &mutex.Options{Delay: time.Hour}).Lock)
	require.Len(t, left(t, st, later.Key()), 1)
	unlock(t, later)
	require.Empty(t, left(t, st, later.Key()))
}

func delayAfterLoss(t *testing.T, w *world) {
	st := w.Process(t)
	h := take(t, w.delayed(t).Lock)
	require.NoError(t, st.Delete(t.Context(), h.Key()))
	require.ErrorIs(t, h.Check(t.Context()), mutex.ErrLost)
	start := time.Now()
	next := async(context.Background(), w.delayed(t).Lock)
	require.ErrorIs(t, h.Unlock(t.Context()), mutex.ErrLost)
	n := got(t, next)
	w.waited(t, start)

	// What the first holder left is deleted again, late: it hits nobody else's.
	old := kv.Key(strings.Replace(string(left(t, st, n.Key())[0].Key), fmt.Sprint(n.Token()), fmt.Sprint(h.Token()), 1))
	require.ErrorIs(t, st.Delete(t.Context(), old), kv.ErrNotFound)
	require.NoError(t, mutex.Break(t.Context(), st, name(t), n.Token()))
	start = time.Now()
	third := take(t, w.delayed(t).Lock)
	w.waited(t, start)
	unlock(t, third)
	require.Empty(t, left(t, st, third.Key()))
}

func ctxEndsInDelay(t *testing.T, w *world) {
	st := w.Process(t)
	h := w.broken(t, st, w.delayed(t).Lock)
	ctx, cancel := context.WithTimeout(t.Context(), delay/2)
	defer cancel()
	start := time.Now()
	_, err := w.delayed(t).Lock(ctx)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, mutex.ErrDelayed)
	if w.Fake {
		require.Equal(t, delay/2, time.Since(start))
	}
	w.Until(t, func() bool {
		info, err := mutex.Inspect(context.Background(), st, name(t))
		require.NoError(t, err)
		return len(info.Holders) == 0
	})
	require.Len(t, left(t, st, h.Key()), 1, "the record of the first holder, and none of who gave up")
	start = time.Now()
	next := take(t, w.delayed(t).Lock)
	require.GreaterOrEqual(t, time.Since(start), delay, "from the start again: nobody knows who looked before")
	unlock(t, next)
}

func tryDoesNotWait(t *testing.T, w *world) {
	st := w.Process(t)
	h := w.broken(t, st, w.delayed(t).Lock)
	m := mutex.NewRW(w.Session(t), name(t), &mutex.Options{Delay: time.Hour})
	for _, l := range []locker{m.TryLock, m.TryRLock, m.TryLock} {
		_, err := l(t.Context())
		require.ErrorIs(t, err, mutex.ErrDelayed)
		require.NotErrorIs(t, err, mutex.ErrLocked)
		info, err := mutex.Inspect(t.Context(), st, name(t))
		require.NoError(t, err)
		require.Empty(t, append(info.Holders, info.Queue...))
		require.Len(t, left(t, st, h.Key()), 1)
	}
	start := time.Now()
	next := take(t, w.delayed(t).Lock)
	require.GreaterOrEqual(t, time.Since(start), delay)
	unlock(t, next)
	require.Empty(t, left(t, st, h.Key()))
}

func onlyTried(t *testing.T, w *world) {
	st := w.Process(t)
	w.broken(t, st, w.delayed(t).Lock)
	start := time.Now()
	var h *mutex.Held
	w.Until(t, func() bool {
		var err error
		// A process of its own each time, as a job that a timer starts.
		s := session.New(w.Process(t), &session.Options{TTL: ttl})
		h, err = mutex.NewRW(s, name(t), &mutex.Options{Delay: delay}).TryLock(t.Context())
		if err != nil {
			require.ErrorIs(t, err, mutex.ErrDelayed)
			require.NoError(t, s.Close(t.Context()))
			time.Sleep(200 * time.Millisecond)
		} else {
			t.Cleanup(func() { _ = s.Close(worlds.Ended()) })
		}
		return err == nil
	})
	require.GreaterOrEqual(t, time.Since(start), delay)
	unlock(t, h)
	require.Empty(t, left(t, st, h.Key()))
}

func readersDelayNobody(t *testing.T, w *world) {
	st := w.Process(t)
	forever := &mutex.Options{Delay: time.Hour}
	one := take(t, mutex.NewRW(w.Session(t), name(t), forever).RLock)
	two := take(t, mutex.NewRW(w.Session(t), name(t), forever).RLock)
	three := take(t, mutex.NewRW(w.Session(t), name(t), forever).TryRLock)
	require.Len(t, left(t, st, one.Key()), 3, "each leaves word of its own, and clears away nobody's who lives")
	unlock(t, two)
	unlock(t, three)
	unlock(t, one)
	unlock(t, take(t, mutex.NewRW(w.Session(t), name(t), forever).Lock))
	require.Empty(t, left(t, st, one.Key()))
}

func deadReaderDelays(t *testing.T, w *world) {
	st := w.Process(t)
	lives := take(t, w.delayed(t).RLock)
	w.broken(t, st, w.delayed(t).RLock)
	start := time.Now()
	next := take(t, w.delayed(t).RLock)
	w.waited(t, start)
	require.NoError(t, lives.Err())
	require.Len(t, left(t, st, lives.Key()), 2)
	unlock(t, next)

	require.NoError(t, mutex.Break(t.Context(), st, name(t), lives.Token()))
	start = time.Now()
	writer := take(t, w.delayed(t).Lock)
	w.waited(t, start)
	unlock(t, writer)
	require.Empty(t, left(t, st, writer.Key()))
}

func downgradedDelaysNobody(t *testing.T, w *world) {
	st := w.Process(t)
	forever := &mutex.Options{Delay: time.Hour}
	h := take(t, mutex.NewRW(w.Session(t), name(t), forever).Lock)
	reader := async(context.Background(), mutex.NewRW(w.Session(t), name(t), forever).RLock)
	w.untilQueued(t, st, 1)
	require.NoError(t, h.Downgrade(t.Context()))
	r := got(t, reader)
	unlock(t, h)
	unlock(t, r)
	unlock(t, take(t, mutex.NewRW(w.Session(t), name(t), forever).Lock))
	require.Empty(t, left(t, st, h.Key()))
}

func unreadableDelay(t *testing.T, w *world) {
	st := w.Process(t)
	h := take(t, w.delayed(t).Lock)
	own := left(t, st, h.Key())[0].Key
	unlock(t, h)
	for _, value := range []string{"{", `{"format":2}`, `{"format":1,"delay_ms":-1}`, `{"format":1,"delay_ms":86400001}`} {
		_, err := st.Create(t.Context(), kv.Record{Key: own, Value: kv.Value(value)})
		require.NoError(t, err)
		start := time.Now()
		h = take(t, w.delayed(t).Lock)
		w.waited(t, start)
		unlock(t, h)
		require.Empty(t, left(t, st, h.Key()), value)
	}
}

// away is a store that does not answer once it is told not to.
type away struct {
	kv.Storage
	gone atomic.Bool
}

func (a *away) Delete(ctx context.Context, key kv.Key) error {
	if a.gone.Load() {
		<-ctx.Done()
		return &kv.OpError{Op: "delete", Key: key, Err: fmt.Errorf("%w: %w", kv.ErrUncertain, ctx.Err())}
	}
	return a.Storage.Delete(ctx, key)
}

func TestCtxThatEndsInTheDelayEndsLockAtOnceWithTheStoreAway(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		m := func(s *session.Session) *mutex.Mutex { return mutex.New(s, "m", &mutex.Options{Delay: time.Hour}) }
		dead := session.New(store, nil)
		require.NoError(t, store.Delete(t.Context(), lock(t, m(dead)).Key()))
		st := &away{Storage: store}
		s := session.New(st, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		c := lockAsync(ctx, m(s))
		synctest.Wait()
		st.gone.Store(true)
		start := time.Now()
		require.ErrorIs(t, (<-c).err, mutex.ErrDelayed)
		require.Equal(t, time.Minute, time.Since(start))
		st.gone.Store(false)
		time.Sleep(time.Minute)
		info, err := mutex.Inspect(t.Context(), store, "m")
		require.NoError(t, err)
		require.Empty(t, append(info.Holders, info.Queue...), "given back in the background")
		require.NoError(t, s.Close(t.Context()))
		require.NoError(t, dead.Close(t.Context()))
	})
}

// Of an hour's delay half is over when the lock that is waited for is lost.
func TestLossInTheDelayEndsLock(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		s := session.New(store, nil)
		m := mutex.New(s, "m", &mutex.Options{Delay: time.Hour})
		require.NoError(t, store.Delete(t.Context(), lock(t, m).Key()))
		c := lockAsync(context.Background(), m)
		time.Sleep(30 * time.Minute)
		info, err := mutex.Inspect(t.Context(), store, "m")
		require.NoError(t, err)
		require.NoError(t, store.Delete(t.Context(), info.Holders[0].Key))
		require.ErrorIs(t, (<-c).err, mutex.ErrLost)
		require.NoError(t, s.Close(t.Context()))
	})
}

func TestCallsOfALockWithADelay(t *testing.T) {
	for _, c := range []struct {
		name         string
		wrap         func(kv.Storage) kv.Storage
		lock, unlock int
	}{
		{"with Appender", func(s kv.Storage) kv.Storage { return s }, 2, 2},
		{"on the pure contract", func(s kv.Storage) kv.Storage { return kvtest.Hide(s) }, 4, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				store := memory.New(nil)
				defer store.Close()
				st := count.New(c.wrap(store))
				s := session.New(st, nil)
				require.NoError(t, s.Ready(t.Context()))
				st.Reset()
				h := lock(t, mutex.New(s, "m", &mutex.Options{Delay: time.Minute}))
				require.Equal(t, c.lock, st.Reset(), "Lock")
				unlock(t, h)
				require.Equal(t, c.unlock, st.Reset(), "Unlock")
				require.NoError(t, s.Close(t.Context()))
			})
		})
	}
}
