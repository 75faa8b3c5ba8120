package registry

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/test/internal/worlds"
)

const (
	ttl = worlds.TTL
	// back is how long an instance that was lost takes to come back, at most: the random delay, and what a try takes.
	back = ttl/3 + time.Second
	// attended is when a registration, in fake time, hears at once of what others do to its record.
	attended = 2 * time.Second
)

func hide(s kv.Storage) kv.Storage { return kvtest.Hide(s) }
func same(s kv.Storage) kv.Storage { return s }

// world is a store with what the tests of this package ask of it.
type world struct{ *worlds.World }

type testCase struct {
	name string
	run  func(t *testing.T, w *world)
}

// onEach runs the cases on every kind of store.
func onEach(t *testing.T, cases []testCase) {
	var all []worlds.Case
	for _, c := range cases {
		all = append(all, worlds.Case{Name: c.name, Run: func(t *testing.T, w *worlds.World) { c.run(t, &world{w}) }})
	}
	worlds.Each(t, all)
}

// inBubble runs body in fake time, with a store and a further handle on it that can be cut off.
func inBubble(t *testing.T, body func(t *testing.T, store, cut *memory.Storage)) {
	t.Helper()
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		cut := store.Connect()
		t.Cleanup(func() {
			require.NoError(t, cut.Close())
			require.NoError(t, store.Close())
		})
		body(t, store, cut)
	})
}

// on returns a registry on st, closed at the test's end.
func on(t *testing.T, st kv.Storage, opts *registry.Options) *registry.Registry {
	t.Helper()
	var o registry.Options
	if opts != nil {
		o = *opts
	}
	if o.TTL == 0 {
		o.TTL = ttl
	}
	r := registry.New(st, &o)
	t.Cleanup(func() { _ = r.Close(worlds.Ended()) })
	return r
}

// service is a service's name that no other test has.
func service(t *testing.T) string { return t.Name() }

// instance is one of the test's service.
func instance(t *testing.T, id string) registry.Instance {
	return registry.Instance{
		Service: service(t), ID: id, Version: "1", Endpoints: []registry.Endpoint{{Name: "grpc", Address: "10.0.0.1:443"}},
	}
}

func register(t *testing.T, r *registry.Registry, i registry.Instance) *registry.Registration {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	g, err := r.Register(ctx, i)
	require.NoError(t, err, "Register")
	return g
}

func closeIt(t *testing.T, g *registry.Registration) {
	t.Helper()
	require.NoError(t, g.Close(context.Background()), "Close")
}

// stored is what the tests read of a record.
type stored struct {
	kv.Record   `json:"-"`
	Status      string `json:"status"`
	Version     string `json:"version"`
	Weight      int    `json:"weight"`
	Incarnation string `json:"incarnation"`
	Ordered     string `json:"ordered"`
	Unknown     string `json:"x-unknown"`
}

// records are those of the test's service, by their keys' last part.
func records(t *testing.T, st kv.Storage) map[string]stored { return recordsOf(t, st, service(t)) }

func recordsOf(t *testing.T, st kv.Storage, service string) map[string]stored {
	t.Helper()
	prefix := prefixOf(service)
	start, end := kv.PrefixRange(prefix)
	found, err := st.GetRange(context.Background(), start, end)
	require.NoError(t, err)
	all := make(map[string]stored)
	for _, r := range found {
		s := stored{Record: r}
		require.NoError(t, json.Unmarshal(r.Value, &s), "record %q", r.Value)
		all[string(r.Key[len(prefix):])] = s
	}
	return all
}

// edit changes a record by hand.
func edit(t *testing.T, st kv.Storage, key kv.Key, change func(fields map[string]any)) {
	t.Helper()
	for {
		r, err := st.Get(context.Background(), key)
		require.NoError(t, err)
		var fields map[string]any
		require.NoError(t, json.Unmarshal(r.Value, &fields))
		change(fields)
		r.Value, err = json.Marshal(fields)
		require.NoError(t, err)
		if _, err = st.CasByVersion(context.Background(), r); err == nil {
			return
		}
		require.ErrorIs(t, err, kv.ErrWrongVersion)
	}
}

func epochOf(t *testing.T, st kv.Storage) kv.Version {
	t.Helper()
	r, err := st.Get(context.Background(), epochKey(service(t)))
	require.NoError(t, err, "the epoch")
	require.Zero(t, r.Lease, "the epoch lives for ever")
	return r.Version
}

// follow notes the states of a registration, from the present one until it is closed.
func follow(g *registry.Registration) <-chan registry.State {
	c, begun := make(chan registry.State, 1000), make(chan struct{})
	begin := sync.OnceFunc(func() { close(begun) })
	go func() {
		defer close(c)
		for s := range g.States(context.Background()) {
			c <- s
			begin()
		}
	}()
	<-begun
	return c
}

func isIn(g *registry.Registration, p registry.Phase) func() bool {
	return func() bool { return g.State().Phase == p }
}
