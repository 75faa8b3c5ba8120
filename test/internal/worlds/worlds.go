// Package worlds runs the same tests of a primitive on every kind of store: on memory in fake time, on memory where ranges cannot be watched, so
// that a short line is waited in like a long one, on memory with all capabilities hidden, so that only the pure contract is there, and
// on a real etcd.
package worlds

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// TTL is the lease time of the sessions: short, and long enough that one is renewed in time, on etcd, by a process that stood still for two
// seconds.
const TTL = 5 * time.Second

// World is one store, reached by any number of processes.
type World struct {
	Fake bool // time is a bubble's
	// Open is a further process's handle on the store, closed at the test's end, and how it is closed before.
	Open func(t *testing.T) (st kv.Storage, kill func())
}

// Case is a test by name.
type Case struct {
	Name string
	Run  func(t *testing.T, w *World)
}

// Each runs the cases on every kind of store. On etcd they share one, and run at the same time: each uses names of its own.
func Each(t *testing.T, cases []Case) {
	t.Run("memory", func(t *testing.T) { onMemory(t, cases, func(s kv.Storage) kv.Storage { return s }) })
	t.Run("memory without watches of ranges", func(t *testing.T) {
		onMemory(t, cases, func(s kv.Storage) kv.Storage { return Unwatched(s) })
	})
	t.Run("memory without capabilities", func(t *testing.T) { onMemory(t, cases, kvtest.Hide) })
	t.Run("etcd", func(t *testing.T) {
		server := etcdtest.Start(t)
		t.Run("cases", func(t *testing.T) {
			for _, c := range cases {
				t.Run(c.Name, func(t *testing.T) {
					t.Parallel()
					c.Run(t, &World{Open: func(t *testing.T) (kv.Storage, func()) {
						st := server.Storage(t)
						return st, func() { require.NoError(t, st.Close()) }
					}})
				})
			}
		})
	})
}

func onMemory(t *testing.T, cases []Case, wrap func(kv.Storage) kv.Storage) {
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				store := memory.New(nil)
				t.Cleanup(func() { require.NoError(t, store.Close()) })
				c.Run(t, &World{Fake: true, Open: func(t *testing.T) (kv.Storage, func()) {
					st := store.Connect()
					kill := func() { require.NoError(t, st.Close()) }
					t.Cleanup(kill)
					return wrap(st), kill
				}})
			})
		})
	}
}

// Leeway is how much later than it should something may be seen to happen: on a real store a busy machine may let a process stand still, in a
// bubble nothing does.
func (w *World) Leeway() time.Duration {
	if w.Fake {
		return 0
	}
	return 5 * time.Second
}

// Process is a further process, which lives to the test's end.
func (w *World) Process(t *testing.T) kv.Storage {
	st, _ := w.Open(t)
	return st
}

// Session is a process with a session of its own, closed at the test's end.
func (w *World) Session(t *testing.T) *session.Session {
	t.Helper()
	return Session(t, w.Process(t))
}

// Session is a session on st, closed at the test's end.
func Session(t *testing.T, st kv.Storage) *session.Session {
	t.Helper()
	s := session.New(st, &session.Options{TTL: TTL})
	t.Cleanup(func() { _ = s.Close(Ended()) })
	return s
}

// Until returns when cond holds, and when all that was begun waits, where that can be told. A real server is asked again and again; in a
// bubble time goes on while it is asked.
func (w *World) Until(t *testing.T, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(15 * time.Second); !cond(); <-tick.C {
		require.True(t, time.Now().Before(deadline), "the condition never held")
	}
	if w.Fake {
		synctest.Wait()
	}
}

// Ended is a ctx that is over.
func Ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// Revoke ends a lease from outside.
func Revoke(t *testing.T, st kv.Storage, id kv.LeaseId) {
	t.Helper()
	l, err := st.Lessor().GetLease(id)
	require.NoError(t, err)
	require.NoError(t, l.Release())
}

// Await returns what comes from c, or fails.
func Await[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(15 * time.Second):
		require.FailNow(t, "nothing came")
		panic("unreachable")
	}
}
