package mutex

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// looker is a process that looks on through a view, in a bubble, on a store that others use too.
type looker struct {
	store *memory.Storage
	calls *count.Storage
	way   *watched
	s     *session.Session
	m     *mutex.RWMutex
	other *session.Session
	o     *mutex.RWMutex // the lock as a holder sees it, who never waits
}

func withView(t *testing.T, body func(t *testing.T, l *looker)) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		l := &looker{store: store, calls: count.New(store), other: session.New(store, nil)}
		l.way = newWatched(l.calls, store)
		l.s = session.New(l.way, nil)
		l.m, l.o = mutex.NewRW(l.s, "m", nil), mutex.NewRW(l.other, "m", nil)
		body(t, l)
		synctest.Wait()
		start := time.Now()
		require.NoError(t, l.s.Close(t.Context()))
		require.NoError(t, l.other.Close(t.Context()))
		require.Zero(t, time.Since(start), "Close is prompt, whatever is open")
		synctest.Wait()
		require.Zero(t, l.open())
		require.NoError(t, store.Close())
	})
}

func (l *looker) open() int {
	open, _ := l.way.count()
	return open
}

func (l *looker) opened() int {
	_, opened := l.way.count()
	return opened
}

// queue lets n wait, one after the other.
func (l *looker) queue(n int, lock locker) []<-chan result {
	var waiting []<-chan result
	for range n {
		waiting = append(waiting, async(context.Background(), lock))
		synctest.Wait()
	}
	return waiting
}

// entries are the entries of the lock.
func (l *looker) entries(t *testing.T) []mutex.Entry {
	info, err := mutex.Inspect(t.Context(), l.store, "m")
	require.NoError(t, err)
	return append(info.Holders, info.Queue...)
}
