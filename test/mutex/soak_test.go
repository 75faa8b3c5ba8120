package mutex

import (
	"context"
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

var soak = flag.Duration("soak", 2*time.Second, "how long many contend for few locks, in real time")

// TestManyContendForFewLocks runs 500 goroutines of ten processes on ten locks, in real time: -soak 30s is the long form.
func TestManyContendForFewLocks(t *testing.T) {
	const goroutines, processes, names = 500, 10, 10
	store := memory.New(nil)
	defer store.Close()
	var sessions []*session.Session
	for range processes {
		sessions = append(sessions, session.New(store.Connect(), nil))
	}
	var inside [names]atomic.Int32
	var last [names]atomic.Int64 // the token of who was inside last
	var grants atomic.Int64
	end := time.Now().Add(*soak)
	errs := make(chan error, goroutines)
	var all sync.WaitGroup
	for i := range goroutines {
		n := i % names
		m := mutex.New(sessions[i/names%processes], fmt.Sprint("lock ", n), nil)
		all.Go(func() {
			for time.Now().Before(end) {
				h, err := m.Lock(context.Background())
				if err != nil {
					errs <- err
					return
				}
				if in := inside[n].Add(1); in != 1 {
					errs <- fmt.Errorf("%d are inside of lock %d", in, n)
				}
				if before := last[n].Swap(int64(h.Token())); before >= int64(h.Token()) {
					errs <- fmt.Errorf("token %d follows %d", h.Token(), before)
				}
				inside[n].Add(-1)
				grants.Add(1)
				if err := h.Unlock(context.Background()); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	all.Wait()
	for _, s := range sessions {
		require.NoError(t, s.Close(t.Context()))
	}
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	t.Logf("%d grants", grants.Load())
	require.Greater(t, grants.Load(), int64(goroutines), "everybody in turn")
}
