package linear

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// perKey is how many wait on each key.
const perKey = 3

// fill creates a record at each key and returns their versions. The writes are part of the history.
func fill(t *testing.T, c *client) (versions [keys]kv.Version) {
	t.Helper()
	for key := range keys {
		c.do(call{op: opCreate, key: key})
	}
	require.NoError(t, c.unexpected)
	require.NotContains(t, c.known, kv.Version(0), "a record was not created")
	return c.known
}

// waitsInMemory makes a history on memory, in a bubble where it is known when waits stand. wrap is what waiters wait on.
func waitsInMemory(t *testing.T, sum *waitTally, seed uint64, wrap func(kv.Storage) kv.Storage) (err error) {
	bubble.Test(t, func(t *testing.T) {
		handles, closeAll := connect(t)
		defer closeAll()
		w := newWorld("", 0)
		setup := newClient(w, clients, handles[0], seed)
		ws := newWaiters(w)
		var firsts []*wait
		for key, v := range fill(t, setup) {
			for range perKey {
				h := handles[0].Connect()
				defer h.Close()
				firsts = append(firsts, ws.follow(wrap(h), key, v))
			}
		}
		synctest.Wait()
		stand(firsts)
		var played tally
		ops := played.play(t, w, wrapped(handles, plain), seed)
		all := writesOf(append(ops, setup.ops...))
		err = sum.check(all, ws.finish(t, handles[0], time.Minute))
	})
	return err
}

func TestWaitsOnMemoryReturnTheFirstChange(t *testing.T) {
	var sum waitTally
	each(t, 100, func(seed uint64) {
		err := waitsInMemory(t, &sum, seed, func(st kv.Storage) kv.Storage { return st })
		require.NoError(t, err, "seed %d", seed)
	})
	t.Logf("%+v", sum)
	require.NotZero(t, sum.deleted, "nothing was deleted under a wait")
	require.NotZero(t, sum.followed, "no change was followed by another")
}

// lateWaits wakes up by the first change, and then reads what is there, as watches without history do.
type lateWaits struct{ kv.Storage }

func (s *lateWaits) WaitForVersionChange(ctx context.Context, key kv.Key, v kv.Version) (kv.Record, error) {
	rec, err := s.Storage.WaitForVersionChange(ctx, key, v)
	if now, missing := s.Get(ctx, key); missing == nil && rec.Version != 0 {
		return now, nil
	}
	return rec, err
}

// forgottenDeletions passes over a deletion if there is another record by now.
type forgottenDeletions struct{ kv.Storage }

func (s *forgottenDeletions) WaitForVersionChange(ctx context.Context, key kv.Key, v kv.Version) (kv.Record, error) {
	rec, err := s.Storage.WaitForVersionChange(ctx, key, v)
	if now, missing := s.Get(ctx, key); missing == nil && err == nil && rec.Version == 0 {
		return now, nil
	}
	return rec, err
}

func TestBrokenWaitsAreFound(t *testing.T) {
	for name, breaks := range map[string]func(kv.Storage) kv.Storage{
		"a later change":         func(st kv.Storage) kv.Storage { return &lateWaits{st} },
		"a deletion passed over": func(st kv.Storage) kv.Storage { return &forgottenDeletions{st} },
	} {
		t.Run(name, func(t *testing.T) {
			var sum waitTally
			seed := uint64(rand.Uint32())
			for n := range uint64(300) {
				if err := waitsInMemory(t, &sum, seed+n, breaks); err != nil {
					t.Logf("found in history %d: %v", n+1, err)
					return
				}
			}
			require.FailNow(t, "not found", "in 300 histories, %+v", sum)
		})
	}
}

// reads tells of a handle when a key was read through it.
type reads struct {
	mu      sync.Mutex
	wake    chan struct{} // closed and replaced at each read
	answers map[kv.Key]bool
}

func (r *reads) options() *etcd.Options {
	return &etcd.Options{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(
		func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker,
			opts ...grpc.CallOption) error {
			err := invoke(ctx, method, req, reply, cc, opts...)
			if q, ok := req.(*pb.RangeRequest); ok && err == nil {
				r.note(kv.Key(q.Key))
			}
			return err
		})}}
}

func (r *reads) note(key kv.Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answers[key] = true
	close(r.wake)
	r.wake = make(chan struct{})
}

// await returns when a key was read. Nothing but a wait reads through the handle, and it reads after it has begun to listen: the
// wait stands.
func (r *reads) await(t *testing.T, key kv.Key) {
	t.Helper()
	for limit := time.After(30 * time.Second); ; {
		r.mu.Lock()
		read, wake := r.answers[key], r.wake
		r.mu.Unlock()
		if read {
			return
		}
		select {
		case <-wake:
		case <-limit:
			require.FailNow(t, "a wait does not read", "key %q", key)
		}
	}
}

// requireConnected connects a storage. One that is not reads once more when it waits, before it listens.
func requireConnected(t *testing.T, st kv.Storage) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := st.Get(t.Context(), "nothing")
		return errors.Is(err, kv.ErrNotFound)
	}, 30*time.Second, time.Millisecond, "the store is not reached")
}

func TestWaitsOnEtcdReturnTheFirstChange(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	direct := server.Storage(t)
	handles, proxies := ways(t, server)
	var waitWays []*etcdtest.Proxy
	var waiting []kv.Storage
	var read []*reads
	for range perKey {
		p := server.Proxy(t)
		r := &reads{wake: make(chan struct{}), answers: map[kv.Key]bool{}}
		waitWays, read = append(waitWays, p), append(read, r)
		waiting = append(waiting, etcdtest.Open(t, p.Endpoint(), r.options()))
	}
	var sum waitTally
	eachUntil(t, 4, func() bool { return sum.deleted > 0 && sum.followed > 0 }, func(seed uint64) {
		w := newWorld(kv.Key(fmt.Sprintf("%d/", seed)), pastFaults)
		setup := newClient(w, clients, direct, seed)
		w.patient = 0
		versions := fill(t, setup)
		w.patient = pastFaults
		ws := newWaiters(w)
		var firsts []*wait
		for key, v := range versions {
			for i, st := range waiting {
				requireConnected(t, st)
				firsts = append(firsts, ws.follow(st, key, v))
				read[i].await(t, w.key(key))
			}
		}
		stand(firsts)
		undisturbed := disturbAll(append(proxies, waitWays...), seed)
		var played tally
		ops := played.play(t, w, handles, seed)
		undisturbed()
		all := writesOf(append(ops, setup.ops...))
		err := sum.check(all, ws.finish(t, direct, 30*time.Second))
		require.NoError(t, err, "seed %d", seed)
	})
	t.Logf("%+v", sum)
	require.NotZero(t, sum.deleted, "nothing was deleted under a wait")
	require.NotZero(t, sum.followed, "no change was followed by another")
}
