package httplb

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/httplb"
)

func TestRetryOnlyWhereItIsSafe(t *testing.T) {
	replayable := func() io.Reader { return strings.NewReader("x") }
	stream := func() io.Reader { return &body{Reader: strings.NewReader("x")} }
	for name, tc := range map[string]struct {
		method string
		body   func() io.Reader
		header string
		fails  error
		again  bool
	}{
		"POST that was not sent":               {method: "POST", body: replayable, fails: errDial, again: true},
		"POST without a body":                  {method: "POST", fails: errDial, again: true},
		"POST of a stream that was not sent":   {method: "POST", body: stream, fails: errDial},
		"POST that may have been sent":         {method: "POST", body: replayable, fails: errRead},
		"POST that may be repeated":            {method: "POST", body: replayable, header: "Idempotency-Key", fails: errRead, again: true},
		"POST that may be repeated, old way":   {method: "POST", body: replayable, header: "X-Idempotency-Key", fails: errRead, again: true},
		"PATCH that may have been sent":        {method: "PATCH", body: replayable, fails: errRead},
		"GET":                                  {method: "GET", fails: errRead, again: true},
		"HEAD":                                 {method: "HEAD", fails: errRead, again: true},
		"PUT":                                  {method: "PUT", body: replayable, fails: errRead, again: true},
		"PUT of a stream":                      {method: "PUT", body: stream, fails: errRead},
		"DELETE":                               {method: "DELETE", fails: errRead, again: true},
		"GET that failed for any other reason": {method: "GET", fails: errors.New("broken"), again: true},
	} {
		t.Run(name, func(t *testing.T) {
			onScene(t, func(t *testing.T, s *scene) {
				s.put(t, "a", nil)
				s.put(t, "b", nil)
				s.base.fails["a"] = tc.fails
				lb := s.transport(t, httplb.Options{NewPick: first})
				var b io.Reader
				if tc.body != nil {
					b = tc.body()
				}
				req := request(t, tc.method, "http://orders/", b)
				if tc.header != "" {
					req.Header[tc.header] = []string{"1"}
				}
				resp, err := lb.RoundTrip(req)
				if stream, ok := b.(*body); ok {
					require.True(t, stream.closed.Load())
				}
				if !tc.again {
					var at *httplb.Error
					require.ErrorIs(t, err, tc.fails)
					require.ErrorAs(t, err, &at)
					require.Equal(t, "a", at.ID)
					require.Equal(t, []string{"http://a"}, s.base.to())
					return
				}
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
				require.Equal(t, []string{"http://a", "http://b"}, s.base.to())
			})
		})
	}
}

// first picks the first instance.
func first(string) httplb.Pick {
	return func(s *registry.Snapshot) (*registry.Instance, func(error), error) { return s.Instances[0], nil, nil }
}

func TestRetriesAreBoundedAndEachGoesElsewhere(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		for _, id := range []string{"a", "b", "c", "d", "e"} {
			s.put(t, id, nil)
			s.base.fails[id] = errDial
		}
		for retries, want := range map[int]int{0: 1 + httplb.DefaultRetries, -1: 1, 1: 2, 100: 5} {
			err := get(t, s.transport(t, httplb.Options{Retries: retries}), "http://orders/")
			require.ErrorIs(t, err, errDial)
			require.NotErrorIs(t, err, httplb.ErrNone, "why the last one failed")
			to := s.base.to()
			require.Len(t, to, want, "Retries: %d", retries)
			seen := map[string]bool{}
			for _, at := range to {
				require.False(t, seen[at], "%s twice", at)
				seen[at] = true
			}
		}
	})
}

func TestRequestThatIsOverIsNotRetried(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		s.put(t, "a", nil)
		s.put(t, "b", nil)
		lb := s.transport(t, httplb.Options{})
		require.NoError(t, get(t, lb, "http://orders/"))
		s.base.to()
		s.base.fails["a"], s.base.fails["b"] = errDial, errDial
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := lb.RoundTrip(request(t, http.MethodGet, "http://orders/", nil).WithContext(ctx))
		require.Error(t, err)
		require.Len(t, s.base.to(), 1)
	})
}

func TestTimeoutOfAnAttemptIsOneOfTheURLError(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		s.put(t, "a", nil)
		s.base.fails["a"] = os.ErrDeadlineExceeded
		client := http.Client{Transport: s.transport(t, httplb.Options{})}
		_, err := client.Get("http://orders/")
		var u *url.Error
		require.ErrorAs(t, err, &u)
		require.True(t, u.Timeout())
	})
}
