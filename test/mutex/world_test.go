package mutex

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// ttl is the lease time of the tests: short, and long enough for an etcd on a busy machine.
const ttl = 3 * time.Second

// world is one store, reached by any number of processes.
type world struct {
	fake bool // time is a bubble's
	// open is a further process's handle on the store, closed at the test's end, and how it is closed before.
	open func(t *testing.T) (st kv.Storage, kill func())
}

// process is a further process, which lives to the test's end.
func (w *world) process(t *testing.T) kv.Storage {
	st, _ := w.open(t)
	return st
}

type testCase struct {
	name string
	run  func(t *testing.T, w *world)
}

// onEach runs the cases on every kind of store.
func onEach(t *testing.T, cases []testCase) {
	hide := func(s kv.Storage) kv.Storage { return kvtest.Hide(s) }
	same := func(s kv.Storage) kv.Storage { return s }
	t.Run("memory", func(t *testing.T) { onMemory(t, cases, same) })
	t.Run("memory without capabilities", func(t *testing.T) { onMemory(t, cases, hide) })
	t.Run("etcd", func(t *testing.T) {
		server := etcdtest.Start(t)
		t.Run("cases", func(t *testing.T) {
			for _, c := range cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel() // each has lock names of its own: the test's
					c.run(t, &world{open: func(t *testing.T) (kv.Storage, func()) {
						st := server.Storage(t)
						return st, func() { require.NoError(t, st.Close()) }
					}})
				})
			}
		})
	})
}

func onMemory(t *testing.T, cases []testCase, wrap func(kv.Storage) kv.Storage) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memory.New(nil)
				t.Cleanup(func() { require.NoError(t, store.Close()) })
				c.run(t, &world{fake: true, open: func(t *testing.T) (kv.Storage, func()) {
					st := store.Connect()
					kill := func() { require.NoError(t, st.Close()) }
					t.Cleanup(kill)
					return wrap(st), kill
				}})
			})
		})
	}
}

// session is a process with a session of its own, closed at the test's end.
func (w *world) session(t *testing.T) *session.Session {
	return sessionOn(t, w.process(t))
}

func sessionOn(t *testing.T, st kv.Storage) *session.Session {
	t.Helper()
	s := session.New(st, &session.Options{TTL: ttl})
	t.Cleanup(func() { _ = s.Close(ended()) })
	return s
}

// ended is a ctx that is over.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
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
	w.until(t, func() bool {
		info, err := mutex.Inspect(context.Background(), st, name(t))
		require.NoError(t, err)
		return len(info.Holders) > 0 && len(info.Queue) == n
	})
	if w.fake {
		synctest.Wait() // they wait, too
	}
}

// until returns when cond holds. A real server is asked again and again; in a bubble time goes on while it is asked.
func (w *world) until(t *testing.T, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(15 * time.Second); !cond(); <-tick.C {
		require.True(t, time.Now().Before(deadline), "the condition never held")
	}
}

func await(t *testing.T, c <-chan result) result {
	t.Helper()
	select {
	case r := <-c:
		return r
	case <-time.After(15 * time.Second):
		require.FailNow(t, "Lock did not return")
		return result{}
	}
}

func awaitDone(t *testing.T, h *mutex.Held, within time.Duration) {
	t.Helper()
	select {
	case <-h.Done():
	case <-time.After(within):
		require.FailNow(t, "Done was not closed", "within %v", within)
	}
}
