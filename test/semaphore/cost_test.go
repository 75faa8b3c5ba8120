package semaphore

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/semaphore"
	"github.com/coordkit/coord/primitives/session"
)

func same(st kv.Storage) kv.Storage { return st }

// counted runs body in a bubble with a store whose calls, those of all users together, are counted.
func counted(t *testing.T, wrap func(kv.Storage) kv.Storage, body func(t *testing.T, st *count.Storage)) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		t.Cleanup(func() { require.NoError(t, store.Close()) })
		body(t, count.New(wrap(store)))
	})
}

// ready is a further user on st, whose lease is granted already.
func ready(t *testing.T, st *count.Storage, limit int64) *user {
	t.Helper()
	ss := session.New(st, nil)
	require.NoError(t, ss.Ready(t.Context()))
	t.Cleanup(func() { require.NoError(t, ss.Close(context.Background())) })
	return &user{semaphore.New(ss, t.Name(), limit, nil), st, ss}
}

func TestCallsOfASemaphore(t *testing.T) {
	for _, c := range []struct {
		name                       string
		wrap                       func(kv.Storage) kv.Storage
		first, free, shared, again int
		full, try, waiting         int
	}{
		{"with capabilities", same, 4, 1, 2, 1, 1, 2, 2},
		{"on the pure contract", kvtest.Hide, 6, 2, 2, 2, 1, 3, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			counted(t, c.wrap, func(t *testing.T, st *count.Storage) {
				a, b, waiter := ready(t, st, 3), ready(t, st, 3), ready(t, st, 3)
				st.Reset()
				release(t, acquire(t, a, 1))
				require.Equal(t, c.first+1, st.Reset(), "the very first, which stores the limit, and its Release")

				p := acquire(t, a, 1)
				require.Equal(t, c.free, st.Reset(), "Acquire of one that nobody uses")
				release(t, p)
				require.Equal(t, 1, st.Reset(), "Release")
				p, err := a.TryAcquire(t.Context(), 1)
				require.NoError(t, err)
				require.Equal(t, c.try, st.Reset(), "TryAcquire of one that nobody uses")

				q := acquire(t, b, 1)
				synctest.Wait()
				require.Equal(t, c.shared, st.Reset(), "Acquire beside others")
				r := acquire(t, b, 1)
				require.Equal(t, c.again, st.Reset(), "and again: a view of the line is open")
				_, err = a.TryAcquire(t.Context(), 1)
				require.ErrorIs(t, err, semaphore.ErrFull)
				require.Equal(t, c.full, st.Reset(), "TryAcquire of one that is full")

				time.Sleep(2 * time.Second)
				st.Reset() // who has no view of the line has its own entry watched after a second
				next := acquireAsync(context.Background(), waiter, 2)
				synctest.Wait()
				require.Equal(t, c.waiting, st.Reset(), "joining, and what is waited on: on the pure contract each holder and the limit")
				time.Sleep(time.Hour)
				st.Reset()
				time.Sleep(time.Hour)
				require.Zero(t, st.Reset(), "an hour of waiting and holding")
				for _, p := range []*semaphore.Permit{p, q, r} {
					release(t, p)
				}
				release(t, got(t, next))
			})
		})
	}
}

// In a line of twenty that wait a release costs what it costs in a line of two. It wakes who can go, and who is first behind them: that one
// hears by the mark of the one let in that it is, and waits for all who hold then.
func TestReleaseWakesWhoCanGoAndTheNext(t *testing.T) {
	for _, c := range []struct {
		name    string
		wrap    func(kv.Storage) kv.Storage
		waiting int
		limit   int64
		want    map[string]int
	}{
		// Two reads, of the one let in and the next; that one's waits, for each holder and for the limit; and the watch that the one
		// let in has over its own entry goes on from the mark.
		{"a line of 2, one at a time", kvtest.Hide, 2, 1, map[string]int{intercept.OpGetRange: 2, intercept.OpWait: 3}},
		{"a line of 20, one at a time", kvtest.Hide, 20, 1, map[string]int{intercept.OpGetRange: 2, intercept.OpWait: 3}},
		{"a line of 20, three at a time", kvtest.Hide, 20, 3, map[string]int{intercept.OpGetRange: 2, intercept.OpWait: 5}},
		// A line as long as that is not looked at through views, whoever could.
		{"a line of 20, with capabilities", same, 20, 3, map[string]int{intercept.OpGetRange: 2, intercept.OpWait: 5}},
		{"a short line seen through views", same, 8, 3, map[string]int{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			counted(t, c.wrap, func(t *testing.T, st *count.Storage) {
				var held []*semaphore.Permit
				for range c.limit {
					held = append(held, acquire(t, ready(t, st, c.limit), 1))
				}
				var line []<-chan result
				for range c.waiting {
					line = append(line, acquireAsync(context.Background(), ready(t, st, c.limit), 1))
					synctest.Wait()
				}
				time.Sleep(time.Minute)
				st.Reset()
				release(t, held[0])
				held[0] = got(t, line[0])
				synctest.Wait()
				require.Equal(t, 1, st.Of(intercept.OpDelete), "the release")
				require.Equal(t, 1, st.Of(intercept.OpCas), "the mark")
				for _, op := range []string{intercept.OpGetRange, intercept.OpWait} {
					require.Equal(t, c.want[op], st.Of(op), op)
				}
				require.Equal(t, 2+c.want[intercept.OpGetRange]+c.want[intercept.OpWait], st.Total(), "and no other call")
				for _, p := range held {
					release(t, p)
				}
				for _, next := range line[1:] {
					release(t, got(t, next))
				}
			})
		})
	}
}
