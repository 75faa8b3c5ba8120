package httplb

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/httplb"
	"github.com/coordkit/coord/primitives/registry/pick"
)

func TestRequestsGoToServingInstancesInTurn(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		for _, id := range []string{"a", "b", "c"} {
			s.put(t, id, nil)
		}
		s.put(t, "d", func(i *registry.Instance) { i.Status = registry.Draining })
		s.put(t, "e", func(i *registry.Instance) { i.Endpoints = nil })
		s.put(t, "f", func(i *registry.Instance) { i.Zone = "far" })
		lb := s.transport(t, httplb.Options{Filters: []registry.Filter{registry.Not(registry.InZone("far"))}})
		counts := map[string]int{}
		for range 30 {
			require.NoError(t, get(t, lb, "http://orders/"))
		}
		for _, at := range s.base.to() {
			counts[at]++
		}
		require.Equal(t, map[string]int{"http://a": 10, "http://b": 10, "http://c": 10}, counts)
		s.put(t, "a", func(i *registry.Instance) { i.Status = registry.Draining })
		after(time.Second)
		for range 30 {
			require.NoError(t, get(t, lb, "http://orders/"))
		}
		require.NotContains(t, s.base.to(), "http://a")
	})
}

func TestPickerHearsHowItWent(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		s.put(t, "a", nil)
		var heard []error
		lb := s.transport(t, httplb.Options{Retries: -1, NewPick: func(service string) httplb.Pick {
			require.Equal(t, "orders", service)
			return func(s *registry.Snapshot) (*registry.Instance, func(error), error) {
				return s.Instances[0], func(err error) { heard = append(heard, err) }, nil
			}
		}})
		resp, err := lb.RoundTrip(request(t, http.MethodGet, "http://orders/", nil))
		require.NoError(t, err)
		require.Empty(t, heard, "the response is not read yet")
		_, err = io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, []error{nil}, heard)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, []error{nil}, heard, "once")
		resp, err = lb.RoundTrip(request(t, http.MethodGet, "http://orders/", nil))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Len(t, heard, 2)
		s.base.fails["a"] = errRead
		require.ErrorIs(t, get(t, lb, "http://orders/"), errRead)
		require.Len(t, heard, 3)
		require.ErrorIs(t, heard[2], errRead)
	})
}

func TestPickersOfPackagePickFit(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		s.put(t, "a", nil)
		s.put(t, "b", nil)
		s.put(t, "c", func(i *registry.Instance) { i.Status = registry.NotServing })
		s.base.fails["b"] = errDial
		lb := s.transport(t, httplb.Options{NewPick: func(string) httplb.Pick {
			p2c := pick.NewP2C(nil)
			return func(s *registry.Snapshot) (*registry.Instance, func(error), error) {
				p, err := p2c.Pick(s)
				return p.Instance, p.Done, err
			}
		}})
		for range 100 {
			require.NoError(t, get(t, lb, "http://orders/"))
		}
		failed := 0
		for _, at := range s.base.to() {
			if at == "http://b" {
				failed++
			}
		}
		require.Less(t, failed, 20, "it has learnt who fails")
	})
}

func TestPickerMayRefuse(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		s.put(t, "a", nil)
		busy := errors.New("all busy")
		lb := s.transport(t, httplb.Options{NewPick: func(string) httplb.Pick {
			return func(*registry.Snapshot) (*registry.Instance, func(error), error) { return nil, nil, busy }
		}})
		err := get(t, lb, "http://orders/")
		require.ErrorIs(t, err, httplb.ErrNone)
		require.ErrorIs(t, err, busy)
	})
}

func TestNobodyIsToldAtOnceAndWithWhatIsKnown(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		lb := s.transport(t, httplb.Options{})
		start := time.Now()
		b := &body{Reader: strings.NewReader("x")}
		_, err := lb.RoundTrip(request(t, http.MethodPost, "http://orders/", b))
		var none *httplb.NoneError
		require.ErrorAs(t, err, &none)
		require.ErrorIs(t, err, httplb.ErrNone)
		require.Equal(t, &httplb.NoneError{Service: "orders", Health: registry.Live}, none)
		require.True(t, b.closed.Load())
		s.put(t, "a", func(i *registry.Instance) { i.Status = registry.Starting })
		after(0)
		require.Zero(t, time.Since(start))
		after(time.Second)
		require.ErrorAs(t, get(t, lb, "http://orders/"), &none)
		require.Equal(t, 1, none.Registered)
	})
}

func TestFirstRequestWaitsForTheStore(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		s.put(t, "a", nil)
		ready := make(chan struct{})
		failing := intercept.Wrap(s.store, func(ctx context.Context, _ intercept.Call, do func(context.Context) error) error {
			select {
			case <-ready:
				return do(ctx)
			default:
				return kv.ErrUnavailable
			}
		})
		r := registry.New(failing, nil)
		defer r.Close(t.Context())
		lb := httplb.New(r, &httplb.Options{Base: s.base})
		defer lb.Close()

		start := time.Now()
		err := get(t, lb, "http://orders/")
		require.ErrorIs(t, err, httplb.ErrNone)
		require.ErrorIs(t, err, kv.ErrUnavailable, "why")
		require.NotErrorIs(t, err, context.DeadlineExceeded, "it is not the caller's")
		require.Equal(t, httplb.DefaultWaitFirst, time.Since(start))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = lb.RoundTrip(request(t, http.MethodGet, "http://orders/", nil).WithContext(ctx))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, httplb.DefaultWaitFirst+time.Second, time.Since(start))

		time.AfterFunc(time.Second, func() { close(ready) })
		require.NoError(t, get(t, lb, "http://orders/"))

		hasty := httplb.New(r, &httplb.Options{Base: s.base, WaitFirst: -1})
		defer hasty.Close()
		start = time.Now()
		require.ErrorIs(t, get(t, hasty, "http://items/"), httplb.ErrNone)
		require.Zero(t, time.Since(start))
	})
}

func TestOutageOfTheStoreIsNoneOfTheService(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		s.put(t, "a", nil)
		lb := s.transport(t, httplb.Options{})
		require.NoError(t, get(t, lb, "http://orders/"))
		s.cut.SetConnected(false)
		after(time.Hour)
		require.NoError(t, get(t, lb, "http://orders/"))
		s.cut.SetConnected(true)
	})
}

func TestViewsAreGivenBack(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		s.put(t, "a", nil)
		st := count.New(s.store)
		r := registry.New(st, &registry.Options{Linger: -1})
		defer r.Close(t.Context())
		lb := httplb.New(r, &httplb.Options{Base: s.base})
		opened := func() int {
			require.NoError(t, get(t, lb, "http://orders/"))
			after(time.Millisecond) // so that a view that was given back has ended
			return st.Reset()
		}
		other := func() int {
			require.ErrorIs(t, get(t, lb, "http://other/"), httplb.ErrNone)
			after(time.Millisecond)
			return st.Reset()
		}
		require.Equal(t, 1, opened())
		require.Equal(t, 1, other())
		for range 100 {
			after(httplb.DefaultIdle - time.Second)
			require.Zero(t, opened()+other(), "they are in use")
		}
		after(httplb.DefaultIdle)
		require.Zero(t, other())
		require.Equal(t, 1, opened(), "it was not in use for long")
		lb.CloseIdleConnections()
		synctest.Wait()
		require.Equal(t, 1, opened())

		require.NoError(t, lb.Close())
		require.NoError(t, lb.Close())
		require.ErrorIs(t, get(t, lb, "http://orders/"), kv.ErrClosed)
	})
}

func TestCloseEndsTheWaitForTheStore(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		s.cut.SetConnected(false)
		lb := s.transport(t, httplb.Options{})
		got := make(chan error)
		go func() { got <- get(t, lb, "http://orders/") }()
		synctest.Wait()
		lb.CloseIdleConnections() // hits no view that is in use
		synctest.Wait()
		select {
		case err := <-got:
			t.Fatal(err)
		default:
		}
		require.NoError(t, lb.Close())
		require.ErrorIs(t, <-got, kv.ErrClosed)
	})
}
