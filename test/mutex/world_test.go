package mutex

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/test/internal/worlds"
)

const ttl = worlds.TTL

// world is a store with what the tests of this package ask of it.
type world struct{ *worlds.World }

type testCase struct {
	name string
	run  func(t *testing.T, w *world)
}

// onEach runs the cases on every kind of store.
func onEach(t *testing.T, cases []testCase) {
	var all []worlds.Case
	for _, c := range cases {
		all = append(all, worlds.Case{Name: c.name, Run: func(t *testing.T, w *worlds.World) { c.run(t, &world{w}) }})
	}
	worlds.Each(t, all)
}

// name is a lock name that no other test has.
func name(t *testing.T) string { return t.Name() }

func lock(t *testing.T, m *mutex.Mutex) *mutex.Held {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	h, err := m.Lock(ctx)
	require.NoError(t, err, "Lock")
	return h
}

func unlock(t *testing.T, h *mutex.Held) {
	t.Helper()
	require.NoError(t, h.Unlock(context.Background()), "Unlock")
}

// result is what a Lock in another goroutine came to.
type result struct {
	h   *mutex.Held
	err error
}

func lockAsync(ctx context.Context, m *mutex.Mutex) <-chan result {
	c := make(chan result, 1)
	go func() {
		h, err := m.Lock(ctx)
		c <- result{h, err}
	}()
	return c
}

// untilQueued returns when n attempts stand behind the holder of the lock.
func (w *world) untilQueued(t *testing.T, st kv.Storage, n int) {
	t.Helper()
	w.Until(t, func() bool {
		info, err := mutex.Inspect(context.Background(), st, name(t))
		require.NoError(t, err)
		return len(info.Holders) > 0 && len(info.Queue) == n
	})
	if w.Fake {
		synctest.Wait() // they wait, too
	}
}

// awaitDone returns when the hold is over, which it is to be within that time.
func (w *world) awaitDone(t *testing.T, h *mutex.Held, within time.Duration) {
	t.Helper()
	select {
	case <-h.Done():
	case <-time.After(within + w.Leeway()):
		require.FailNow(t, "Done was not closed", "within %v", within)
	}
}
