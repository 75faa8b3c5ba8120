package etcd

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/kv"
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

// interceptor is the option that counts into c.
func (c *calls) option() *etcd.Options {
	return &etcd.Options{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(
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
