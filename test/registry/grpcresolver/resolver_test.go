package grpcresolver

import (
	"context"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/resolver"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/grpcresolver"
	"github.com/coordkit/coord/test/internal/registrytest"
)

func TestTargetChoosesInstancesAndEndpoint(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		put(t, s.store, "a", func(i *registry.Instance) { i.Zone, i.Version, i.Tags = "z1", "1", []string{"eu", "big"} })
		put(t, s.store, "b", func(i *registry.Instance) { i.Zone, i.Version, i.Tags = "z1", "2", []string{"eu"} })
		put(t, s.store, "c", func(i *registry.Instance) {
			i.Zone = "z2"
			i.Endpoints = []registry.Endpoint{
				{Name: "grpc", Address: "c4.test:1"}, {Name: "x", Address: "x.test:1"}, {Name: "grpc", Address: "c6.test:1"},
			}
		})
		for to, want := range map[string][]string{
			"coord:///orders":                           {"a", "b", "c"},
			"coord:orders":                              {"a", "b", "c"},
			"coord:///%6frders":                         {"a", "b", "c"},
			"coord:%6frders":                            {"a", "b", "c"},
			"coord:///orders?zone=z1":                   {"a", "b"},
			"coord:///orders?zone=z1&version=2":         {"b"},
			"coord:///orders?tag=eu":                    {"a", "b"},
			"coord:///orders?tag=eu&tag=big":            {"a"},
			"coord:///orders?endpoint=http":             {"a", "b"},
			"coord:///orders?endpoint=none":             {},
			"coord:///orders?endpoint=x&zone=z2&tag=eu": {},
		} {
			c, res := build(t, s.r, to, nil)
			synctest.Wait()
			require.Equal(t, want, c.ids(), to)
			res.Close()
		}
		far := &grpcresolver.Options{Filters: []registry.Filter{registry.InZone("z2")}}
		c, res := build(t, s.r, "coord:///orders?endpoint=grpc", far)
		defer res.Close()
		synctest.Wait()
		require.Equal(t, []string{"c"}, c.ids())
		both := addresses(c.states[0].Endpoints[0])
		require.Equal(t, []string{"c4.test:1", "c6.test:1"}, both, "one endpoint with all its addresses")
		require.Len(t, c.states[0].Addresses, 2)
	})
}

func TestTargetOfNoFormIsAnError(t *testing.T) {
	b := grpcresolver.New(registry.New(nil, nil), nil)
	require.Equal(t, "coord", b.Scheme())
	for _, to := range []string{
		"coord:///", "coord:///a?b=c", "coord:///a?zone", "coord:///a?zone=", "coord:///a?zone=x&zone=y", "coord:///a?tag=%zz",
		"coord://host/a", "coord://u@/a", "coord:///a#b", "coord:///%01", "coord:%zz",
	} {
		u, err := url.Parse(to)
		if err != nil {
			continue // gRPC itself refuses it
		}
		_, err = b.Build(resolver.Target{URL: *u}, &client{}, resolver.BuildOptions{})
		require.ErrorIs(t, err, kv.ErrInvalid, to)
	}
	good := resolver.Target{URL: url.URL{Scheme: "coord", Path: "/a"}}
	_, err := grpcresolver.New(nil, nil).Build(good, &client{}, resolver.BuildOptions{})
	require.ErrorIs(t, err, kv.ErrInvalid)
	b = grpcresolver.New(registry.New(nil, nil), &grpcresolver.Options{FailAfter: -1})
	_, err = b.Build(good, &client{}, resolver.BuildOptions{})
	require.ErrorIs(t, err, kv.ErrInvalid)
}

func TestEmptyServiceIsToldAtOnce(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		c, res := build(t, s.r, "coord:///orders", nil)
		defer res.Close()
		synctest.Wait()
		require.Empty(t, c.ids())
		_, errs := c.told()
		require.Zero(t, errs)
		put(t, s.store, "a", nil)
		after(time.Second)
		require.Equal(t, []string{"a"}, c.ids())
	})
}

func TestOnlyServingInstancesAreTold(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		for _, status := range []registry.Status{registry.Starting, registry.Serving, registry.NotServing, registry.Draining} {
			put(t, s.store, string(status), func(i *registry.Instance) { i.Status = status })
		}
		c, res := build(t, s.r, "coord:///orders", nil)
		defer res.Close()
		synctest.Wait()
		require.Equal(t, []string{"serving"}, c.ids())
		put(t, s.store, "serving", func(i *registry.Instance) { i.Status = registry.Draining })
		after(time.Second)
		require.Empty(t, c.ids(), "the last one that drains goes, too")
	})
}

func TestSameSetIsNotToldTwice(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		put(t, s.store, "a", nil)
		c, res := build(t, s.r, "coord:///orders", nil)
		defer res.Close()
		synctest.Wait()
		put(t, s.store, "a", func(i *registry.Instance) { i.Metadata = map[string]string{"k": "v"}; i.Tags = []string{"t"} })
		put(t, s.store, "b", func(i *registry.Instance) { i.Status = registry.Starting })
		after(time.Second)
		states, _ := c.told()
		require.Equal(t, 1, states)
		put(t, s.store, "a", func(i *registry.Instance) { i.Weight, i.Zone, i.Version = 7, "z", "2" })
		after(time.Second)
		states, _ = c.told()
		require.Equal(t, 2, states)
		info, ok := grpcresolver.FromEndpoint(c.states[1].Endpoints[0])
		require.True(t, ok)
		require.Equal(t, grpcresolver.Info{ID: "a", Zone: "z", Version: "2", Weight: 7}, info)
		was, now := c.states[0].Endpoints[0].Addresses[0], c.states[1].Endpoints[0].Addresses[0]
		require.True(t, was.Equal(now), "the address is what it was")
		require.Empty(t, now.ServerName)
		require.Nil(t, now.Attributes)
	})
}

func TestOutageTellsNothing(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		put(t, s.store, "a", nil)
		c, res := build(t, s.r, "coord:///orders", nil)
		synctest.Wait()
		s.cut.SetConnected(false)
		registrytest.Die(t, s.store, "orders", "a")
		put(t, s.store, "b", nil)
		after(time.Minute)
		states, errs := c.told()
		require.Equal(t, []int{1, 0}, []int{states, errs})

		// Idle, and a call: the same, rebuilt.
		res.Close()
		after(20 * time.Second)
		c, res = build(t, s.r, "coord:///orders", nil)
		defer res.Close()
		after(time.Minute)
		require.Equal(t, []string{"a"}, c.ids(), "what was known last, since nothing was told yet")
		s.cut.SetConnected(true)
		after(10 * time.Second)
		require.Contains(t, c.ids(), "b")
	})
}

func TestWhoIsHeldIsLetGoAfterAnOutageAndNotInIt(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		for _, id := range []string{"a", "b", "c"} {
			put(t, s.store, id, nil)
		}
		c, res := build(t, s.r, "coord:///orders", nil)
		defer res.Close()
		after(time.Second)
		registrytest.Die(t, s.store, "orders", "a", "b")
		after(time.Second)
		s.cut.SetConnected(false)
		after(time.Minute)
		require.Equal(t, []string{"a", "b", "c"}, c.ids())
		s.cut.SetConnected(true)
		after(10 * time.Second)
		require.Equal(t, []string{"c"}, c.ids())
	})
}

func TestStoreThatSaysNothingIsReportedInTime(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		silent := make(chan struct{})
		st := intercept.Wrap(s.store, func(ctx context.Context, _ intercept.Call, do func(context.Context) error) error {
			select {
			case <-silent:
				return do(ctx)
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		r := registry.New(st, nil)
		defer r.Close(t.Context())
		c, res := build(t, r, "coord:///orders", nil) // returns, though the store does not
		defer res.Close()
		after(grpcresolver.DefaultFailAfter - time.Millisecond)
		states, errs := c.told()
		require.Equal(t, []int{0, 0}, []int{states, errs})
		after(time.Millisecond)
		states, errs = c.told()
		require.Equal(t, []int{0, 1}, []int{states, errs})
		put(t, s.store, "a", nil)
		close(silent)
		synctest.Wait()
		require.Equal(t, []string{"a"}, c.ids())
	})
}

func TestStoreThatFailsIsReportedAtOnceWithTheCause(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		r := registry.New(intercept.Wrap(s.store, func(context.Context, intercept.Call, func(context.Context) error) error {
			return kv.ErrUnavailable
		}), nil)
		defer r.Close(t.Context())
		c, res := build(t, r, "coord:///orders", nil)
		defer res.Close()
		synctest.Wait()
		states, errs := c.told()
		require.Equal(t, []int{0, 1}, []int{states, errs})
		require.ErrorIs(t, c.errs[0], kv.ErrUnavailable)
	})
}

func TestClosedRegistryIsReported(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		c, res := build(t, s.r, "coord:///orders", nil)
		defer res.Close()
		synctest.Wait()
		require.NoError(t, s.r.Close(t.Context()))
		synctest.Wait()
		require.ErrorIs(t, c.errs[0], kv.ErrClosed)
	})
}

func TestResolveNowReadsAnewButNotOften(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		st := count.New(s.store)
		r := registry.New(st, nil)
		defer r.Close(t.Context())
		c, res := build(t, r, "coord:///orders", nil)
		defer res.Close()
		after(time.Minute)
		require.Equal(t, 1, st.Reset())
		ask := func() {
			c.mu.Lock() // as gRPC does
			defer c.mu.Unlock()
			for range 100 {
				res.ResolveNow(resolver.ResolveNowOptions{})
			}
		}
		ask()
		synctest.Wait()
		require.Equal(t, 1, st.Reset(), "it was quiet for long: at once")
		ask()
		after(grpcresolver.DefaultRefreshEvery - time.Millisecond)
		ask()
		require.Zero(t, st.Reset())
		after(time.Millisecond)
		require.Equal(t, 1, st.Reset())
		after(time.Hour)
		require.Zero(t, st.Reset(), "those who asked meanwhile have been served, too")
	})
}

func TestCloseWaitsAndNothingIsToldAfterwards(t *testing.T) {
	onScene(t, func(t *testing.T, s *scene) {
		c, res := build(t, s.r, "coord:///orders", nil)
		after(time.Second)
		c.mu.Lock()
		put(t, s.store, "a", nil)
		synctest.Wait() // it is being told
		closed := make(chan struct{})
		go func() { res.Close(); close(closed) }()
		time.Sleep(time.Hour)
		select {
		case <-closed:
			t.Fatal("Close has not waited")
		default:
		}
		c.mu.Unlock()
		<-closed
		before, _ := c.told()
		put(t, s.store, "b", nil)
		res.ResolveNow(resolver.ResolveNowOptions{}) // gRPC promises not to; it must not hurt
		after(time.Minute)
		states, errs := c.told()
		require.Equal(t, []int{before, 0}, []int{states, errs})
	})
}
