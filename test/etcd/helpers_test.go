package etcd

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// Tests that count the watches on the server do not run in parallel with others, for servers in one process count together.

// soon is how long a test waits for what takes milliseconds on an idle machine.
const soon = 10 * time.Second

// eventually polls a real server, which tells nobody when its metrics change.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	require.Eventually(t, f, soon, 5*time.Millisecond, what)
}

func create(t *testing.T, st kv.Storage, key kv.Key, value string) kv.Version {
	t.Helper()
	v, err := st.Create(t.Context(), kv.Record{Key: key, Value: kv.Value(value)})
	require.NoError(t, err, "Create(%q)", key)
	return v
}

func replace(t *testing.T, st kv.Storage, key kv.Key, v kv.Version, value string) kv.Version {
	t.Helper()
	v, err := st.CasByVersion(t.Context(), kv.Record{Key: key, Version: v, Value: kv.Value(value)})
	require.NoError(t, err, "CasByVersion(%q)", key)
	return v
}

// result is what a wait returned.
type result struct {
	rec kv.Record
	err error
}

// waiting starts a wait and returns where its result will be.
func waiting(ctx context.Context, st kv.Storage, key kv.Key, v kv.Version) <-chan result {
	out := make(chan result, 1)
	go func() {
		rec, err := st.WaitForVersionChange(ctx, key, v)
		out <- result{rec, err}
	}()
	return out
}

func receive[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(soon):
		t.Fatalf("%s: nothing after %v", what, soon)
		panic("unreachable")
	}
}

func requireSilent[T any](t *testing.T, ch <-chan T, d time.Duration, what string) {
	t.Helper()
	select {
	case v := <-ch:
		t.Fatalf("%s: %v", what, v)
	case <-time.After(d):
	}
}

// calls counts requests by method and tells when a given one was answered.
type calls struct {
	after func(method string) // runs when a request was answered, if not nil
	count chan string
}

// option counts into c. A wait whose watch is long in coming asks with a plain read what is the matter; not with this.
func (c *calls) option() *etcd.Options {
	return &etcd.Options{DialTimeout: time.Minute, DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(
		func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker,
			opts ...grpc.CallOption) error {
			err := invoke(ctx, method, req, reply, cc, opts...)
			if c.count != nil {
				c.count <- method
			}
			if c.after != nil {
				c.after(method)
			}
			return err
		})}}
}

// watcher is a storage whose waits are seen to stand.
type watcher struct {
	*etcd.Storage
	calls calls
}

func openWatcher(t *testing.T, endpoint string) *watcher {
	t.Helper()
	w := &watcher{calls: calls{count: make(chan string, 1000)}}
	w.Storage = etcdtest.Open(t, endpoint, w.calls.option())
	return w
}

// standing starts a wait and returns when the wait has read. It reads once its watch stands, so it sees everything that is
// done from here on.
func (w *watcher) standing(t *testing.T, key kv.Key, v kv.Version) <-chan result {
	t.Helper()
	_, err := w.Get(t.Context(), key) // without a connection a wait reads first of all
	require.NoError(t, err)
	w.calls.counted()
	r := waiting(t.Context(), w, key, v)
	for receive(t, w.calls.count, "the wait's read") != "/etcdserverpb.KV/Range" {
		continue
	}
	return r
}

// counted drains the methods counted so far.
func (c *calls) counted() map[string]int {
	m := map[string]int{}
	for {
		select {
		case method := <-c.count:
			m[method]++
		default:
			return m
		}
	}
}
