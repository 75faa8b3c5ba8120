//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/test/internal/cluster"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// S12: waiters follow counters from version to version while the history is compacted, members are killed, paused and cut off, and their
// streams are broken. All of them see the end: a wake-up that is lost leaves its waiter behind for ever. Others wait for a bell that is rung
// once, while they are cut off, and whose history is compacted away before they are back.
func TestNoWakeUpIsLostUnderFaults(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, 3)
	const keys, ways = 5, 4
	var waiting sync.WaitGroup
	var paths []path
	st := c.Storage(t)
	for k := range keys {
		_, err := st.Create(t.Context(), kv.Record{Key: counter(k), Value: kv.Value("0")})
		require.NoError(t, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute*time.Duration(rounds()))
	defer cancel()
	for range ways {
		way := c.Way(t)
		far := way.Storage(t)
		paths = append(paths, path{way, far})
		for k := range keys {
			for range 5 {
				waiting.Go(func() { followToTheEnd(ctx, t, far, counter(k)) })
			}
		}
	}
	writing, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	var changes [keys]int
	for k := range keys {
		work.Go(func() { changes[k] = count(writing, st, counter(k)) })
	}
	bells := &bells{st: st, admin: c.Client(t), waiting: &waiting}
	for i, p := range paths {
		work.Go(func() {
			for n := 0; writing.Err() == nil; n++ {
				p.way.Each((*etcdtest.Link).Cut)
				time.Sleep(rand.N(200 * time.Millisecond))
				bells.ring(ctx, t, p, fmt.Sprint(i, "/", n))
			}
		})
	}
	for _, fault := range memberFaults() {
		leader := c.Leader(t)
		fault.do(leader, t)
		time.Sleep(time.Second)
		fault.undo(leader, t)
	}
	stop()
	work.Wait()
	total := 0
	for k := range keys {
		require.NotZero(t, changes[k])
		total += changes[k]
		end(ctx, t, st, counter(k))
	}
	waiting.Wait()
	require.NoError(t, ctx.Err(), "waiters were left behind")
	require.NotZero(t, bells.compacted.Load(), "nothing was compacted")
	t.Logf("%d waiters saw the end of %d changes; %d heard a bell whose history was compacted", keys*ways*5, total, bells.compacted.Load())
}

func counter(k int) kv.Key { return kv.Key(fmt.Sprint("counter/", k)) }

// last is the value that ends it.
const last = "end"

// followToTheEnd waits from change to change.
func followToTheEnd(ctx context.Context, t *testing.T, st kv.Storage, key kv.Key) {
	r, err := kv.Record{}, error(nil)
	for n := -1; ctx.Err() == nil; {
		before := r.Version
		if before == 0 {
			r, err = st.Get(ctx, key)
		} else {
			r, err = st.WaitForVersionChange(ctx, key, before)
		}
		switch {
		case err != nil: // the store could not be read; with the version that it has, it loses nothing
			r.Version = before
			time.Sleep(10 * time.Millisecond)
			continue
		case string(r.Value) == last:
			return
		}
		now, err := strconv.Atoi(string(r.Value))
		if err != nil || now <= n || r.Version <= before {
			t.Errorf("%s: after %d, version %d, came %q, version %d", key, n, before, r.Value, r.Version)
			return
		}
		n = now
	}
	t.Errorf("%s: a waiter never saw the end", key)
}

// count counts up as fast as it may, and returns how far it came.
func count(ctx context.Context, st kv.Storage, key kv.Key) (n int) {
	for ctx.Err() == nil {
		r, err := st.Get(ctx, key)
		if err != nil {
			continue
		}
		stored, _ := strconv.Atoi(string(r.Value))
		n = stored // a write of unknown outcome may have had effect
		r.Value = kv.Value(strconv.Itoa(n + 1))
		short, cancel := context.WithTimeout(ctx, time.Second)
		_, _ = st.CasByVersion(short, r)
		cancel()
		time.Sleep(rand.N(10 * time.Millisecond))
	}
	return n
}

func end(ctx context.Context, t *testing.T, st kv.Storage, key kv.Key) {
	t.Helper()
	require.Eventually(t, func() bool {
		r, err := st.Get(ctx, key)
		if err != nil {
			return false
		}
		r.Value = kv.Value(last)
		_, err = st.CasByVersion(ctx, r)
		return err == nil
	}, soon, time.Millisecond)
}

// path is how a client reaches the store, and the storage at the end.
type path struct {
	way cluster.Way
	st  kv.Storage
}

// bells are records that change once.
type bells struct {
	st        kv.Storage
	admin     *clientv3.Client
	waiting   *sync.WaitGroup
	compacted atomic.Int32
}

// ring makes a bell for which somebody waits, rings it while he is cut off, and takes the history away before he is back.
func (b *bells) ring(ctx context.Context, t *testing.T, p path, name string) {
	bell := kv.Record{Key: kv.Key("bell/" + name), Value: kv.Value("still")}
	var err error
	if bell.Version, err = b.st.Create(ctx, bell); err != nil {
		return // whatever became of it, nobody waits for it
	}
	b.waiting.Go(func() {
		for {
			r, err := p.st.WaitForVersionChange(ctx, bell.Key, bell.Version)
			switch {
			case ctx.Err() != nil:
				t.Errorf("%s was never heard", bell.Key)
				return
			case err == nil && string(r.Value) == "rung":
				return
			case err == nil:
				t.Errorf("%s: %q was heard", bell.Key, r.Value)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	time.Sleep(150 * time.Millisecond) // the wait stands, mostly
	p.way.Each(func(l *etcdtest.Link) { l.Refuse(true) })
	defer p.way.Each(func(l *etcdtest.Link) { l.Refuse(false) })
	for ctx.Err() == nil {
		rung := bell
		rung.Value = kv.Value("rung")
		_, err := b.st.CasByVersion(ctx, rung)
		if err == nil || errors.Is(err, kv.ErrWrongVersion) { // the one before, of unknown outcome, has rung it
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	for ctx.Err() == nil && b.compact(ctx) != nil {
		time.Sleep(10 * time.Millisecond)
	}
	b.compacted.Add(1)
}

// compact takes the history away that there is.
func (b *bells) compact(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	resp, err := b.admin.Put(short, "elsewhere", "")
	if err == nil {
		_, err = b.admin.Compact(short, resp.Header.Revision)
	}
	if errors.Is(err, rpctypes.ErrCompacted) { // another one has, up to here and further
		return nil
	}
	return err
}
