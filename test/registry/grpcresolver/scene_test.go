package grpcresolver

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/grpc/resolver"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/grpcresolver"
	"github.com/coordkit/coord/test/internal/registrytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lock is a lock that a bubble takes for what can wait on fake time.
type lock chan struct{}

func (l lock) Lock()   { l <- struct{}{} }
func (l lock) Unlock() { <-l }

// client stands for gRPC: it keeps what it is told.
type client struct {
	resolver.ClientConn
	mu     lock // gRPC tells its resolver to resolve with a lock held that UpdateState takes
	states []resolver.State
	errs   []error
}

func (c *client) UpdateState(s resolver.State) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.states = append(c.states, s)
	if len(s.Endpoints) == 0 {
		return errors.New("bad resolver state") // as gRPC's balancers say
	}
	return nil
}

func (c *client) ReportError(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs = append(c.errs, err)
}

// told returns how many sets, and how many errors, it was told.
func (c *client) told() (states, errs int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.states), len(c.errs)
}

// ids are the instances of the last set, by what the attributes say.
func (c *client) ids() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := []string{}
	for _, e := range c.states[len(c.states)-1].Endpoints {
		info, _ := grpcresolver.FromEndpoint(e)
		ids = append(ids, info.ID)
	}
	return ids
}

// scene is a memory store with a registry, in a bubble.
type scene struct {
	store *memory.Storage // to change things
	cut   *memory.Storage // the registry's way to it
	r     *registry.Registry
}

// onScene runs a test on fake time.
func onScene(t *testing.T, f func(t *testing.T, s *scene)) {
	bubble.Test(t, func(t *testing.T) {
		s := &scene{store: memory.New(nil)}
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

// put writes an instance of the service "orders" at an address made from its ID, unless it has one.
func put(t *testing.T, st kv.Storage, id string, change func(i *registry.Instance)) {
	t.Helper()
	i := registry.Instance{
		Service: "orders", ID: id,
		Endpoints: []registry.Endpoint{{Name: "grpc", Address: id + ".test:1"}, {Name: "http", Address: id + ".test:2"}},
	}
	if change != nil {
		change(&i)
	}
	registrytest.Put(t, st, i)
}

// build begins to resolve a target.
func build(t *testing.T, r *registry.Registry, to string, opts *grpcresolver.Options) (*client, resolver.Resolver) {
	t.Helper()
	u, err := url.Parse(to)
	require.NoError(t, err)
	c := &client{mu: make(lock, 1)}
	res, err := grpcresolver.New(r, opts).Build(resolver.Target{URL: *u}, c, resolver.BuildOptions{})
	require.NoError(t, err)
	return c, res
}

// after lets fake time pass.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func addresses(e resolver.Endpoint) (out []string) {
	for _, a := range e.Addresses {
		out = append(out, a.Addr)
	}
	return slices.Clip(out)
}
