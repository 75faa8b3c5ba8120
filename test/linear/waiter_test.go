package linear

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

// waiters wait on handles of their own while clients write.
type waiters struct {
	w      *world
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu  sync.Mutex
	all []*wait
}

func newWaiters(w *world) *waiters {
	ws := &waiters{w: w}
	ws.ctx, ws.cancel = context.WithCancel(context.Background())
	return ws
}

// follow waits for one change of a key after the other, from a version on, until there is no more. It returns the first wait.
func (ws *waiters) follow(st kv.Storage, key int, v kv.Version) *wait {
	first := ws.begin(key, v)
	ws.work.Go(func() {
		for w := first; ; w = ws.begin(key, w.got.version) {
			rec, err := st.WaitForVersionChange(ws.ctx, ws.w.key(key), w.version)
			w.end = int64(time.Since(ws.w.start))
			w.told, _ = judge(err)
			if err == nil && rec.Version != 0 {
				w.got = ws.w.see(rec)
			}
			close(w.over)
			if w.got.version == 0 {
				return
			}
		}
	})
	return first
}

func (ws *waiters) begin(key int, v kv.Version) *wait {
	w := &wait{key: key, version: v, call: int64(time.Since(ws.w.start)), over: make(chan struct{})}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.all = append(ws.all, w)
	return w
}

// stand notes that these waits stand, but for those that have ended.
func stand(firsts []*wait) {
	for _, w := range firsts {
		select {
		case <-w.over:
		default:
			w.stands = true
		}
	}
}

// finish ends the waits, when nothing is written any more, and returns them all. Before, each that is to end by a change must do so.
func (ws *waiters) finish(t *testing.T, direct kv.Storage, within time.Duration) []*wait {
	t.Helper()
	limit := time.After(within)
	for key := range keys {
		now, err := direct.Get(context.Background(), ws.w.key(key)) // zero if there is none
		if err != nil {
			require.ErrorIs(t, err, kv.ErrNotFound)
		}
		ws.ended(t, key, now.Version, limit)
	}
	ws.cancel()
	ws.work.Wait()
	return ws.all
}

// ended returns when there are no waits on a key but for its present version.
func (ws *waiters) ended(t *testing.T, key int, now kv.Version, limit <-chan time.Time) {
	t.Helper()
	for i := 0; ; i++ {
		ws.mu.Lock()
		if i == len(ws.all) {
			ws.mu.Unlock()
			return
		}
		w := ws.all[i]
		ws.mu.Unlock()
		if w.key != key || w.version == now {
			continue
		}
		select {
		case <-w.over:
		case <-limit:
			require.FailNow(t, "a wait missed a change", "on %s from v%d, when it has v%d", keyName(key), w.version, now)
		}
	}
}

// waitTally counts waits, to show that they prove something.
type waitTally struct {
	waits, stood, changed, deleted int
	// followed are those that stood and were told of a change after which there were others: they could have got it wrong.
	followed int
}

// check requires of all waits what the contract promises.
func (sum *waitTally) check(all writes, waits []*wait) error {
	for _, w := range waits {
		if err := all.check(w); err != nil {
			return err
		}
		sum.waits++
		if !w.stands || w.told != done {
			continue
		}
		sum.stood++
		if w.got.version == 0 {
			sum.deleted++
			continue
		}
		sum.changed++
		for _, o := range all.latest[w.key] {
			if o.Output.(answer).version > w.got.version {
				sum.followed++
				break
			}
		}
	}
	return nil
}
