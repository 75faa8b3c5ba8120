package view

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
)

func TestView(t *testing.T) {
	runViewCases(t, []viewCase{
		{"it shows what is there, sorted, with all that the instances say", showsAll},
		{"a service that nobody serves is empty, and not unknown", trulyEmpty},
		{"a change is shown at once", changesAtOnce},
		{"one that says farewell is dropped at once, and is not seen by who comes late", farewell},
		{"an operator's order is a drain", ordered},
		{"a record that cannot be read is shown as such, and blinds nobody", poison},
		{"many joins at once make few snapshots", burst},
		{"an instance that did not change is the same pointer", samePointer},
		{"Next gives the newest to who is slow", nextConflates},
		{"WaitFor waits for so many that pass the filters", waitFor},
		{"Refresh shows what is in the store when it is called", refreshes},
		{"a view that is closed, or of no service, says so", closedView},
		{"the close of a registry ends its views", closedRegistry},
		{"Watch yields each newer snapshot and cleans up behind itself", watches},
		{"Lookup and Services read the store itself", looksUp},
		{"what is not an instance is none", strangers},
	})
}

func showsAll(t *testing.T, s *scene) {
	s.put(t, "b", "zone", "z1", "version", "1.2", "weight", 7, "tags", []string{"eu"}, "metadata", map[string]string{"k": "v"},
		"payload", map[string]int{"shard": 3}, "endpoints", []map[string]string{{"name": "http", "scheme": "https", "address": "10.0.0.1:80"}},
		"owner", "web/7", "host", "web", "pid", 7, "program", "p")
	s.put(t, "a", "status", "starting")
	v := s.view(t, nil)
	shows(t, v, "a", "b")
	b := v.Snapshot().Instance("b")
	require.Equal(t, registry.Serving, b.Status)
	require.Equal(t, []any{"s", "z1", "1.2", 7, true}, []any{b.Service, b.Zone, b.Version, b.Weight, b.HasTag("eu")})
	require.Equal(t, map[string]string{"k": "v"}, b.Metadata)
	e, ok := b.Endpoint("http")
	require.True(t, ok)
	require.Equal(t, registry.Endpoint{Name: "http", Scheme: "https", Address: "10.0.0.1:80"}, e)
	payload, err := registry.Payload[struct{ Shard int }](b)
	require.NoError(t, err)
	require.Equal(t, 3, payload.Shard)
	require.Equal(t, []any{"web/7", "web", 7, "p"}, []any{b.Owner.Name, b.Owner.Host, b.Owner.PID, b.Owner.Program})
	r, err := s.store.Get(t.Context(), instanceKey("b"))
	require.NoError(t, err)
	require.Equal(t, []any{r.Key, r.Version, r.Lease}, []any{b.Key, b.Revision, b.Lease})
	a := v.Snapshot().Instance("a")
	require.Equal(t, registry.Starting, a.Status)
	require.Equal(t, registry.DefaultWeight, a.Weight)
	require.Nil(t, v.Snapshot().Instance("c"))
}

func trulyEmpty(t *testing.T, s *scene) {
	v := s.registry(t, nil).View(service)
	defer v.Close()
	snap, err := v.Next(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, registry.Live, snap.Health)
	require.Empty(t, snap.Instances)
}

func changesAtOnce(t *testing.T, s *scene) {
	v := s.view(t, nil)
	for _, change := range []func(){
		func() { s.put(t, "a") },
		func() { s.put(t, "b") },
		func() { s.put(t, "a", "status", "not_serving") },
		func() { s.put(t, "a", "weight", 3) },
	} {
		after(time.Second) // it is quiet
		before := v.Snapshot().Gen
		start := time.Now()
		change()
		_, err := v.Next(t.Context(), before)
		require.NoError(t, err)
		require.Zero(t, time.Since(start))
	}
	a := v.Snapshot().Instance("a")
	require.Equal(t, registry.Serving, a.Status)
	require.Equal(t, 3, a.Weight)
}

func farewell(t *testing.T, s *scene) {
	s.puts(t, 2)
	v := s.view(t, nil)
	after(time.Second)
	s.put(t, "i00", "status", "left")
	require.Zero(t, shows(t, v, "i01"))
	s.put(t, "i01", "status", "left")
	require.Less(t, shows(t, v), time.Second, "all of them, and nobody is held")
	late := s.registry(t, nil).View(service)
	defer late.Close()
	snap, err := late.Next(t.Context(), 0)
	require.NoError(t, err)
	require.Empty(t, snap.Instances)
}

func ordered(t *testing.T, s *scene) {
	s.put(t, "a", "ordered", "draining")
	i := s.view(t, nil).Snapshot().Instance("a")
	require.Equal(t, registry.Draining, i.Status)
	require.True(t, i.Ordered)
}

func poison(t *testing.T, s *scene) {
	s.puts(t, 3)
	v := s.view(t, nil)
	s.putRaw(t, "bad", []byte("{"))
	s.putRaw(t, "new", []byte(`{"format":2}`))
	after(time.Second)
	snap := v.Snapshot()
	require.Equal(t, []string{"i00", "i01", "i02"}, idsOf(snap))
	require.Len(t, snap.Bad, 2)
	require.Equal(t, instanceKey("bad"), snap.Bad[0].Key)
	require.ErrorContains(t, snap.Bad[1], "format 2")
	s.put(t, "bad")
	s.die(t, "new")
	shows(t, v, "bad", "i00", "i01", "i02")
	after(time.Second)
	require.Empty(t, v.Snapshot().Bad)
}

func burst(t *testing.T, s *scene) {
	v := s.view(t, nil)
	after(time.Second)
	before := v.Snapshot().Gen
	ids := s.puts(t, 99)
	shows(t, v, ids...)
	require.LessOrEqual(t, v.Snapshot().Gen-before, uint64(2), "the first at once, and all others together")
}

func samePointer(t *testing.T, s *scene) {
	s.puts(t, 2)
	v := s.view(t, nil)
	one := v.Snapshot()
	s.put(t, "i01", "weight", 2)
	two, err := v.Next(t.Context(), one.Gen)
	require.NoError(t, err)
	require.Same(t, one.Instance("i00"), two.Instance("i00"))
	d := two.Diff(one)
	require.Len(t, d.Changed, 1)
	require.Same(t, two.Instance("i01"), d.Changed[0])
	require.Equal(t, registry.DefaultWeight, one.Instance("i01").Weight, "a snapshot never changes")
}

func nextConflates(t *testing.T, s *scene) {
	v := s.view(t, nil)
	gen := v.Snapshot().Gen
	for i := range 5 {
		s.put(t, "a", "weight", i+1)
		after(time.Second)
	}
	snap, err := v.Next(t.Context(), gen)
	require.NoError(t, err)
	require.Equal(t, 5, snap.Instance("a").Weight)
	require.Equal(t, gen+5, snap.Gen)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = v.Next(ctx, snap.Gen)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func waitFor(t *testing.T, s *scene) {
	s.put(t, "a", "status", "starting", "tags", []string{"eu"}, "zone", "z")
	s.put(t, "b", "tags", []string{"us"})
	v := s.view(t, nil)
	filters := []registry.Filter{registry.ServingOnly, registry.Tag("eu"), registry.InZone("z"), registry.Not(registry.OfVersion("x"))}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := v.WaitFor(ctx, 1, filters...)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	s.put(t, "a", "tags", []string{"eu"}, "zone", "z", "metadata", map[string]string{"k": ""},
		"endpoints", []map[string]string{{"name": "e", "address": "h:1"}})
	snap, err := v.WaitFor(t.Context(), 1, append(filters, registry.Meta("k", ""), registry.WithEndpoint("e"))...)
	require.NoError(t, err)
	require.Equal(t, 2, snap.Count())
	require.Equal(t, "a", snap.Select(filters...)[0].ID)
}

func refreshes(t *testing.T, s *scene) {
	v := s.view(t, nil)
	s.put(t, "a")
	snap, err := v.Refresh(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"a"}, idsOf(snap))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = v.Refresh(ctx)
	require.ErrorIs(t, err, context.Canceled)
	shows(t, v, "a")
	s.put(t, "b")
	shows(t, v, "a", "b")
}

func closedView(t *testing.T, s *scene) {
	r := s.registry(t, nil)
	v, other := r.View(service), r.View(service)
	s.put(t, "a")
	shows(t, v, "a")
	v.Close()
	v.Close()
	_, err := v.Next(t.Context(), 0)
	require.ErrorIs(t, err, kv.ErrClosed)
	_, err = v.Refresh(t.Context())
	require.ErrorIs(t, err, kv.ErrClosed)
	require.Equal(t, []string{"a"}, idsOf(v.Snapshot()), "the last snapshot stays")
	s.put(t, "b")
	shows(t, other, "a", "b")
	other.Close()

	for _, name := range []string{"", "a\n", strings.Repeat("n", 256)} {
		v := r.View(name)
		_, err := v.Next(t.Context(), 0)
		require.ErrorIs(t, err, kv.ErrInvalid)
		_, err = v.WaitFor(t.Context(), 0)
		require.ErrorIs(t, err, kv.ErrInvalid)
		require.ErrorIs(t, v.Snapshot().Err, kv.ErrInvalid)
		require.Equal(t, registry.Never, v.Snapshot().Health)
		v.Close()
	}
}

func closedRegistry(t *testing.T, s *scene) {
	r := s.registry(t, nil)
	v := r.View(service)
	s.put(t, "a")
	shows(t, v, "a")
	waiting := make(chan error, 1)
	go func() { _, err := v.Next(t.Context(), 1_000); waiting <- err }()
	after(time.Second)
	require.NoError(t, r.Close(t.Context()))
	require.ErrorIs(t, <-waiting, kv.ErrClosed)
	_, err := r.View(service).Next(t.Context(), 0)
	require.ErrorIs(t, err, kv.ErrClosed)
	_, err = r.Lookup(t.Context(), service)
	require.ErrorIs(t, err, kv.ErrClosed)
	_, err = r.Services(t.Context())
	require.ErrorIs(t, err, kv.ErrClosed)
	v.Close()
	require.NoError(t, r.Close(t.Context()))
}

func watches(t *testing.T, s *scene) {
	r := s.registry(t, nil)
	n := 0
	for snap, err := range r.Watch(t.Context(), service) {
		require.NoError(t, err)
		require.Len(t, snap.Instances, n)
		if n++; n == 4 {
			break
		}
		after(time.Second)
		s.put(t, fmt.Sprint(n))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var last error
	for _, err := range r.Watch(ctx, service) {
		last = err
	}
	require.ErrorIs(t, last, context.DeadlineExceeded)
}

func looksUp(t *testing.T, s *scene) {
	r := s.registry(t, nil)
	all, err := r.Lookup(t.Context(), service)
	require.NoError(t, err)
	require.Equal(t, []*registry.Instance{}, all)
	services, err := r.Services(t.Context())
	require.NoError(t, err)
	require.Equal(t, []*registry.Snapshot{}, services)

	s.put(t, "a", "status", "draining")
	s.put(t, "b")
	s.put(t, "c", "status", "left")
	s.putRaw(t, "d", []byte("?"))
	all, err = r.Lookup(t.Context(), service, registry.ServingOnly)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, "b", all[0].ID)
	one, err := r.Inspect(t.Context(), service)
	require.NoError(t, err)
	require.Equal(t, registry.Live, one.Health)
	require.Equal(t, []string{"a", "b"}, idsOf(one))
	require.Len(t, one.Bad, 1)
	services, err = r.Services(t.Context())
	require.NoError(t, err)
	require.Len(t, services, 1)
	require.Equal(t, service, services[0].Service)
	require.Equal(t, []string{"a", "b"}, idsOf(services[0]))
	require.Len(t, services[0].Bad, 1)
	_, err = r.Lookup(t.Context(), "")
	require.ErrorIs(t, err, kv.ErrInvalid)
}

func strangers(t *testing.T, s *scene) {
	v := s.view(t, nil)
	for _, key := range []kv.Key{"coord/registry/s/i/a%zz", "coord/registry/s2/i/x", "coord/registry/s/iy", "coord/registry/s/i/"} {
		_, err := s.store.Create(t.Context(), kv.Record{Key: key, Value: kv.Value(`{"format":1,"status":"serving"}`)})
		require.NoError(t, err)
	}
	after(time.Second)
	s.put(t, "a")
	require.Zero(t, shows(t, v, "a"))
	require.Empty(t, v.Snapshot().Bad)
}
