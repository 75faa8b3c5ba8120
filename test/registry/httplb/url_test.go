package httplb

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/httplb"
	"github.com/coordkit/coord/test/internal/registrytest"
)

func TestHostNamesTheService(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		lb := s.transport(t, httplb.Options{})
		names := map[string]string{ // how they are in the store's key
			"orders": "orders", "Orders": "Orders", "a/b": "a%2Fb", "a:80": "a%3A80", "a b=c%": "a%20b%3Dc%25",
			"bücher": "b%C3%BCcher",
		}
		for name, key := range names {
			registrytest.Put(t, s.store, registry.Instance{Service: key, ID: "a", Endpoints: []registry.Endpoint{{Address: "a"}}})
			u := "http://" + httplb.Host(name) + "/p?q=1"
			require.NoError(t, get(t, lb, u), name)
			sent := s.base.sent[len(s.base.sent)-1]
			require.Equal(t, "http://a/p?q=1", sent.URL.String())
			require.Equal(t, httplb.Host(name), sent.Host)
		}
		require.Equal(t, "orders-1.eu", httplb.Host("orders-1.eu"), "what can be a host is itself")
		require.NoError(t, get(t, lb, "http://bücher/"), "what a URL allows needs no escape")
	})
}

func TestHostThatNamesNoServiceIsAnError(t *testing.T) {
	lb := httplb.New(registry.New(nil, nil), nil)
	for _, u := range []string{
		"http:///p", "http://orders:80/", "http://a=2/", "http://a=zz/", "http://=01/", "http://" + strings.Repeat("a", 256),
	} {
		req := request(t, http.MethodPost, u, nil)
		b := &body{Reader: strings.NewReader("x")}
		req.Body = b
		_, err := lb.RoundTrip(req)
		require.ErrorIs(t, err, kv.ErrInvalid, u)
		require.True(t, b.closed.Load(), u)
	}
	_, err := lb.RoundTrip(&http.Request{})
	require.ErrorIs(t, err, kv.ErrInvalid)
	_, err = httplb.New(nil, nil).RoundTrip(&http.Request{URL: &url.URL{Host: "orders"}})
	require.ErrorIs(t, err, kv.ErrInvalid)
}

func TestTLSIsNeverTakenAway(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		s.put(t, "a", schemes("grpc", "http", "", "https"))
		for _, tc := range []struct{ endpoint, url, want string }{
			{"", "http://orders", "http://a-http"},
			{"", "https://orders", "https://a-"},
			{"", "coord://orders", "http://a-http"},
			{"e", "http://orders", "http://a-"},
			{"e", "https://orders", "https://a-"},
			{"ehttps", "http://orders", "https://a-https"},
			{"ehttps", "https://orders", "https://a-https"},
			{"ehttps", "coord://orders", "https://a-https"},
			{"ehttp", "http://orders", "http://a-http"},
			{"ehttp", "https://orders", ""},
			{"egrpc", "http://orders", ""},
			{"none", "http://orders", ""},
		} {
			err := get(t, s.transport(t, httplb.Options{Endpoint: tc.endpoint}), tc.url)
			if tc.want == "" {
				require.ErrorIs(t, err, httplb.ErrNone, "%+v", tc)
				continue
			}
			require.NoError(t, err, "%+v", tc)
			require.Equal(t, []string{tc.want}, s.base.to(), "%+v", tc)
		}
	})
}

func TestCallerSeesTheServiceAndNotTheAddress(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		s.put(t, "a", nil)
		lb := s.transport(t, httplb.Options{})
		req := request(t, http.MethodGet, "http://orders/p", nil)
		resp, err := lb.RoundTrip(req)
		require.NoError(t, err)
		require.Same(t, req, resp.Request)
		require.Equal(t, "orders", req.URL.Host, "the caller's request is as it was")
		require.Equal(t, "orders", s.base.sent[0].Host)
		req.Host = "shop.example"
		_, err = lb.RoundTrip(req)
		require.NoError(t, err)
		require.Equal(t, "shop.example", s.base.sent[1].Host)
	})
}
