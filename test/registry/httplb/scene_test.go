package httplb

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/httplb"
	"github.com/coordkit/coord/test/internal/registrytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// base is a base transport: it notes the requests, and answers or fails as it is told, by address.
type base struct {
	mu    sync.Mutex
	sent  []*http.Request
	fails map[string]error
}

func (b *base) RoundTrip(req *http.Request) (*http.Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = append(b.sent, req)
	if req.Body != nil {
		if _, undialled := b.fails[req.URL.Host].(*net.OpError); !undialled {
			_, _ = io.Copy(io.Discard, req.Body)
		}
		_ = req.Body.Close()
	}
	if err := b.fails[req.URL.Host]; err != nil {
		return nil, err
	}
	body := io.NopCloser(strings.NewReader("ok"))
	return &http.Response{StatusCode: http.StatusOK, Body: body, Request: req, Header: http.Header{}}, nil
}

// to returns where the requests were sent since it was last asked.
func (b *base) to() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, r := range b.sent {
		out = append(out, r.URL.Scheme+"://"+r.URL.Host)
	}
	b.sent = nil
	return out
}

var (
	errDial = &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	errRead = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset")}
)

// scene is a memory store with a registry, and what sends requests, in a bubble.
type scene struct {
	store *memory.Storage // to change things
	cut   *memory.Storage // the registry's way to it
	r     *registry.Registry
	base  *base
}

func onScene(t *testing.T, f func(t *testing.T, s *scene)) {
	bubble.Test(t, func(t *testing.T) {
		s := &scene{store: memory.New(nil), base: &base{fails: map[string]error{}}}
		s.cut = s.store.Connect()
		s.r = registry.New(s.cut, nil)
		defer func() {
			require.NoError(t, s.r.Close(context.Background()))
			require.NoError(t, s.cut.Close())
			require.NoError(t, s.store.Close())
		}()
		f(t, s)
	})
}

// transport returns one that sends through the scene's base.
func (s *scene) transport(t *testing.T, opts httplb.Options) *httplb.Transport {
	opts.Base = s.base
	lb := httplb.New(s.r, &opts)
	t.Cleanup(func() { require.NoError(t, lb.Close()) })
	return lb
}

// put writes an instance of the service "orders" that has its ID as address, with an endpoint of each of the schemes.
func (s *scene) put(t *testing.T, id string, change func(i *registry.Instance)) {
	t.Helper()
	i := registry.Instance{Service: "orders", ID: id, Endpoints: []registry.Endpoint{{Name: "http", Address: id}}}
	if change != nil {
		change(&i)
	}
	registrytest.Put(t, s.store, i)
}

func schemes(of ...string) func(i *registry.Instance) {
	return func(i *registry.Instance) {
		var out []registry.Endpoint
		for _, scheme := range of {
			out = append(out, registry.Endpoint{Name: "e" + scheme, Scheme: scheme, Address: i.ID + "-" + scheme})
		}
		i.Endpoints = out
	}
}

// body is a body that knows whether it was closed.
type body struct {
	io.Reader
	closed atomic.Bool
}

func (b *body) Close() error { b.closed.Store(true); return nil }

func request(t *testing.T, method, url string, b io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, b)
	require.NoError(t, err)
	return req
}

// get sends a GET and reads the answer.
func get(t *testing.T, lb http.RoundTripper, url string) error {
	t.Helper()
	resp, err := lb.RoundTrip(request(t, http.MethodGet, url, nil))
	if err != nil {
		return err
	}
	_, err = io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.Body.Close()
}

func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
