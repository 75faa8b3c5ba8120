package httplb

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/httplb"
	"github.com/coordkit/coord/test/internal/registrytest"
)

// patience is for what happens without a bound of its own, on a slow machine.
const patience = 30 * time.Second

// live is a registry on a memory store, on real time, with a client.
type live struct {
	store  *memory.Storage
	client *http.Client
}

func newLive(t *testing.T, opts *httplb.Options) *live {
	t.Helper()
	store := memory.New(nil)
	r := registry.New(store, &registry.Options{Debounce: -1})
	lb := httplb.New(r, opts)
	t.Cleanup(func() {
		require.NoError(t, lb.Close())
		require.NoError(t, r.Close(context.Background()))
		require.NoError(t, store.Close())
	})
	return &live{store: store, client: &http.Client{Transport: lb, Timeout: patience}}
}

// serve starts a server that says its ID, and registers it.
func (l *live) serve(t *testing.T, id string, handle http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	l.put(t, id, s, registry.Serving)
	return s
}

func (l *live) put(t *testing.T, id string, s *httptest.Server, status registry.Status) {
	t.Helper()
	registrytest.Put(t, l.store, registry.Instance{
		Service: "orders", ID: id, Status: status,
		Endpoints: []registry.Endpoint{{Name: "http", Address: s.Listener.Addr().String()}},
	})
}

func says(id string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, id) }
}

// call returns what the instance says that has answered.
func (l *live) call(t *testing.T, url string) string {
	t.Helper()
	resp, err := l.client.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(b)
}

// reach calls until exactly these instances answer, all of them; no call may fail.
func (l *live) reach(t *testing.T, ids ...string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		got := map[string]bool{}
		for range 4 * len(ids) {
			got[l.call(t, "http://orders/")] = true
		}
		all := len(got) == len(ids)
		for _, id := range ids {
			all = all && got[id]
		}
		if all {
			return
		}
		require.True(t, time.Now().Before(deadline), "answers from %v, want %v", got, ids)
	}
}

func TestNoCallFailsWhileInstancesComeDrainAndDie(t *testing.T) {
	l := newLive(t, nil)
	a := l.serve(t, "a", says("a"))
	l.reach(t, "a")
	l.serve(t, "b", says("b"))
	c := l.serve(t, "c", says("c"))
	l.reach(t, "a", "b", "c")
	l.put(t, "a", a, registry.Draining)
	l.reach(t, "b", "c")
	a.Close()
	l.reach(t, "b", "c")
	c.Close() // and its record stays
	l.reach(t, "b")
	for range 20 {
		require.Equal(t, "b", l.call(t, "http://orders/"))
	}
}

func TestRedirectComesBackToTheService(t *testing.T) {
	for _, to := range []string{"/there", "http://orders/there"} {
		l := newLive(t, nil)
		l.serve(t, "a", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/there" {
				_, _ = io.WriteString(w, r.Host)
				return
			}
			http.Redirect(w, r, to, http.StatusFound)
		})
		require.Equal(t, "orders", l.call(t, "http://orders/"))
	}
}

func TestUpgradedConnectionIsTheCallers(t *testing.T) {
	done := make(chan error, 1)
	l := newLive(t, &httplb.Options{NewPick: func(string) httplb.Pick {
		return func(s *registry.Snapshot) (*registry.Instance, func(error), error) {
			return s.Instances[0], func(err error) { done <- err }, nil
		}
	}})
	l.serve(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "echo")
		w.WriteHeader(http.StatusSwitchingProtocols)
		c, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		line, _ := buf.ReadString('\n')
		_, _ = io.WriteString(c, "echo "+line)
	})
	req := request(t, http.MethodGet, "http://orders/", nil)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "echo")
	resp, err := l.client.Transport.RoundTrip(req)
	require.NoError(t, err)
	conn := resp.Body.(io.ReadWriteCloser)
	_, err = fmt.Fprintln(conn, "hello")
	require.NoError(t, err)
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "hello", strings.TrimSpace(strings.TrimPrefix(line, "echo ")))
	require.NoError(t, conn.Close())
	require.NoError(t, <-done)
}

// A proxy is told the Host header and not the address, so it could only be wrong about where the instance is.
func TestInstancesAreNotSoughtThroughAProxy(t *testing.T) {
	var through atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		through.Add(1)
		http.Error(w, "who is "+r.URL.Host+"?", http.StatusBadGateway)
	}))
	defer proxy.Close()
	at, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	usual := http.DefaultTransport.(*http.Transport)
	was := usual.Proxy
	defer func() { usual.Proxy = was }()
	usual.Proxy = http.ProxyURL(at) // as HTTP_PROXY does, but for loopback
	l := newLive(t, nil)
	l.serve(t, "a", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "a") })
	resp, err := l.client.Get("http://orders/")
	require.NoError(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "a", string(answer))
	require.Zero(t, through.Load())
}
