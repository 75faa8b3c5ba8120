package semaphore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/semaphore"
	"github.com/coordkit/coord/test/internal/worlds"
)

func otherLimit(t *testing.T, w *worlds.World) {
	p := acquire(t, seats(t, w, 2), 1)
	for _, want := range []int64{1, 3} {
		_, err := seats(t, w, want).Acquire(t.Context(), 1)
		var other *semaphore.LimitError
		require.ErrorAs(t, err, &other, "a limit of %d", want)
		require.Equal(t, semaphore.LimitError{Name: t.Name(), Want: want, Have: 2}, *other)
		require.NotErrorIs(t, err, kv.ErrInvalid)
	}
	release(t, p)
	require.Empty(t, inspect(t, w.Process(t)).Queue, "nothing of them stays")
}

func follows(t *testing.T, w *worlds.World) {
	s := seats(t, w, 2)
	release(t, acquire(t, s, 1))
	f := userOf(t, w.Process(t), 99, &semaphore.Options{Follow: true})
	p := acquire(t, f, 2)
	_, err := f.TryAcquire(t.Context(), 1)
	require.ErrorIs(t, err, semaphore.ErrFull)
	_, err = f.Acquire(t.Context(), 3)
	require.ErrorIs(t, err, kv.ErrInvalid, "more than is stored")
	require.NoError(t, s.SetLimit(t.Context(), 5))
	release(t, acquire(t, f, 3))
	release(t, p)
}

func raised(t *testing.T, w *worlds.World) {
	s := seats(t, w, 1)
	p := acquire(t, s, 1)
	one, two := queued(t, w, asked(t, w, 1), 1), queued(t, w, asked(t, w, 1), 1)
	three := queued(t, w, asked(t, w, 1), 1)
	require.NoError(t, s.SetLimit(t.Context(), 3))
	a, b := got(t, one), got(t, two)
	require.Empty(t, three)
	release(t, a)
	for _, p := range []*semaphore.Permit{p, b, got(t, three)} {
		release(t, p)
	}
	require.Equal(t, int64(3), inspect(t, w.Process(t)).Limit)
}

func lowered(t *testing.T, w *worlds.World) {
	st := w.Process(t)
	s := seats(t, w, 4)
	one, two := acquire(t, s, 2), acquire(t, s, 2)
	much := queued(t, w, asked(t, w, 4), 3)
	little := queued(t, w, asked(t, w, 4), 2)
	require.NoError(t, s.SetLimit(t.Context(), 2))
	r := worlds.Await(t, much)
	var other *semaphore.LimitError
	require.ErrorAs(t, r.err, &other)
	require.Equal(t, int64(3), other.Weight)
	require.ErrorIs(t, r.err, kv.ErrInvalid)
	require.NoError(t, one.Err(), "nothing is taken away")
	require.NoError(t, two.Err())
	release(t, one)
	w.Until(t, func() bool { return len(inspect(t, st).Holders)+len(inspect(t, st).Queue) == 2 })
	require.Empty(t, little, "two of two are in use")
	release(t, two)
	release(t, got(t, little))
}

func breakHits(t *testing.T, w *worlds.World) {
	st := w.Process(t)
	s := seats(t, w, 2)
	one, two := acquire(t, s, 1), acquire(t, s, 1)
	c := queued(t, w, seats(t, w, 2), 1)
	require.ErrorIs(t, semaphore.Break(t.Context(), st, t.Name(), two.Token()+1000), semaphore.ErrNotHeld)
	require.ErrorIs(t, semaphore.Break(t.Context(), st, t.Name(), inspect(t, st).Queue[0].Token), semaphore.ErrNotHeld, "it only waits")
	require.NoError(t, semaphore.Break(t.Context(), st, t.Name(), two.Token()))
	worlds.Await(t, two.Done())
	require.ErrorIs(t, two.Release(t.Context()), semaphore.ErrLost)
	require.NoError(t, one.Err())
	release(t, got(t, c))
	release(t, one)
}

func unreadableEntry(t *testing.T, w *worlds.World) {
	st := w.Process(t)
	s := seats(t, w, 2)
	p := acquire(t, s, 1)
	queue := p.Key()[:len(p.Key())-len(lastPart(p.Key()))]
	token, err := st.Create(t.Context(), kv.Record{Key: queue + "stranger", Value: kv.Value("{")})
	require.NoError(t, err)
	c := queued(t, w, asked(t, w, 2), 1) // it counts as the whole limit
	info := inspect(t, st)
	require.Error(t, append(info.Holders, info.Queue...)[1].Err)
	require.NoError(t, semaphore.Break(t.Context(), st, t.Name(), token))
	release(t, got(t, c))
	release(t, p)
}

// lastPart is what follows the last slash of a key.
func lastPart(k kv.Key) kv.Key {
	for i := len(k) - 1; ; i-- {
		if k[i] == '/' {
			return k[i+1:]
		}
	}
}

func unreadableLimit(t *testing.T, w *worlds.World) {
	st := w.Process(t)
	s := seats(t, w, 2)
	p := acquire(t, s, 1)
	for _, value := range []string{"?", "null", `{"format":1}`} {
		spoil(t, st, limitKey(p), value)
		_, err := s.Acquire(t.Context(), 1)
		require.Error(t, err, "%s", value)
		require.Error(t, inspect(t, st).Err)
		require.Len(t, inspect(t, st).Holders, 1)
		require.NoError(t, s.SetLimit(t.Context(), 2))
		release(t, acquire(t, s, 1))
	}
	release(t, p)
	require.Empty(t, inspect(t, st).Queue)
}

func inspected(t *testing.T, w *worlds.World) {
	st := w.Process(t)
	require.Equal(t, semaphore.Info{Name: t.Name()}, inspect(t, st), "one that nobody ever used")
	p := acquire(t, userOf(t, w.Process(t), 3, &semaphore.Options{Note: "why"}), 2)
	c := queued(t, w, seats(t, w, 3), 2)
	info := inspect(t, st)
	require.Equal(t, int64(3), info.Limit)
	require.Equal(t, int64(2), info.Used)
	require.Equal(t, p.Token(), info.Holders[0].Token)
	require.Equal(t, p.Key(), info.Holders[0].Key)
	require.Equal(t, "why", info.Holders[0].Note)
	require.Equal(t, int64(2), info.Queue[0].Weight)
	all, err := semaphore.List(t.Context(), st)
	require.NoError(t, err)
	found := false
	for _, i := range all {
		found = found || i.Name == t.Name() && i.Used == 2
	}
	require.True(t, found, "List")
	release(t, p)
	release(t, got(t, c))
}

// Who was let in under a limit that is not stored any more holds on, and so does not wait: who stands behind waits for all of them.
func heldUnderAnother(t *testing.T, w *worlds.World, change func(s *user, limit kv.Key)) {
	st := w.Process(t)
	s := seats(t, w, 3)
	one, two, three := acquire(t, s, 1), acquire(t, s, 1), acquire(t, s, 1)
	change(s, limitKey(one))
	require.Len(t, inspect(t, st).Holders, 3)
	c := queued(t, w, asked(t, w, 2), 1)
	release(t, one)
	release(t, two)
	release(t, got(t, c))
	release(t, three)
}

func heldUnderHigher(t *testing.T, w *worlds.World) {
	heldUnderAnother(t, w, func(s *user, _ kv.Key) { require.NoError(t, s.SetLimit(t.Context(), 2)) })
}

func heldUnderUnreadable(t *testing.T, w *worlds.World) {
	heldUnderAnother(t, w, func(s *user, limit kv.Key) {
		spoil(t, s.st, limit, "?")
		require.NoError(t, s.SetLimit(t.Context(), 2))
	})
}

func limitKey(p *semaphore.Permit) kv.Key {
	return p.Key()[:len(p.Key())-len("q/")-len(lastPart(p.Key()))] + "limit"
}

// spoil makes the limit one that cannot be read.
func spoil(t *testing.T, st kv.Storage, limit kv.Key, value string) {
	t.Helper()
	r, err := st.Get(t.Context(), limit)
	require.NoError(t, err)
	r.Value = kv.Value(value)
	_, err = st.CasByVersion(t.Context(), r)
	require.NoError(t, err)
}
