package view

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/registry"
)

// scene is a store in fake time, with a writer that puts the records of one service into it by hand, step by step.
type scene struct {
	store *memory.Storage
	st    kv.Storage // as the readers see it
	wrap  func(kv.Storage) kv.Storage
}

const service = "s"

// viewCase is a promise of a view, kept on a kv.RangeWatcher and on the pure contract.
type viewCase struct {
	name string
	run  func(t *testing.T, s *scene)
}

func runViewCases(t *testing.T, cases []viewCase) {
	for _, way := range []struct {
		name string
		wrap func(kv.Storage) kv.Storage
	}{
		{"one watch", func(st kv.Storage) kv.Storage { return st }},
		{"pure contract", kvtest.Hide},
	} {
		t.Run(way.name, func(t *testing.T) {
			for _, c := range cases {
				t.Run(c.name, func(t *testing.T) {
					bubble.Test(t, func(t *testing.T) {
						store := memory.New(nil)
						t.Cleanup(func() { require.NoError(t, store.Close()) })
						c.run(t, &scene{store: store, st: way.wrap(store.Connect()), wrap: way.wrap})
					})
				})
			}
		})
	}
}

// registry is a registry of its own, closed at the test's end.
func (s *scene) registry(t *testing.T, opts *registry.Options) *registry.Registry {
	return openRegistry(t, s.st, opts)
}

func openRegistry(t *testing.T, st kv.Storage, opts *registry.Options) *registry.Registry {
	r := registry.New(st, opts)
	t.Cleanup(func() { require.NoError(t, r.Close(context.Background())) })
	return r
}

// view is a view that has seen the store.
func (s *scene) view(t *testing.T, opts *registry.Options) *registry.View {
	t.Helper()
	v := s.registry(t, opts).View(service)
	t.Cleanup(v.Close)
	_, err := v.WaitFor(t.Context(), 0)
	require.NoError(t, err)
	return v
}

func instanceKey(id string) kv.Key { return kv.Key("coord/registry/" + service + "/i/" + id) }

// put writes an instance's record, and then the epoch. A new one gets a lease of its own.
func (s *scene) put(t *testing.T, id string, fields ...any) {
	t.Helper()
	value := map[string]any{"format": 1, "status": "serving", "incarnation": id}
	for i := 0; i < len(fields); i += 2 {
		value[fields[i].(string)] = fields[i+1]
	}
	b, err := json.Marshal(value)
	require.NoError(t, err)
	s.putRaw(t, id, b)
}

func (s *scene) putRaw(t *testing.T, id string, value []byte) {
	t.Helper()
	r, err := s.store.Get(t.Context(), instanceKey(id))
	if err == nil {
		r.Value = value
		_, err = s.store.CasByVersion(t.Context(), r)
	} else {
		lease, leaseErr := s.store.Lessor().NewLease(t.Context(), 15*time.Second, true)
		require.NoError(t, leaseErr)
		_, err = s.store.Create(t.Context(), kv.Record{Key: instanceKey(id), Value: value, Lease: lease.Id()})
	}
	require.NoError(t, err)
	s.bump(t)
}

func (s *scene) bump(t *testing.T) {
	t.Helper()
	key := kv.Key("coord/registry/" + service + "/e")
	r, err := s.store.Get(t.Context(), key)
	if err == nil {
		_, err = s.store.CasByVersion(t.Context(), r)
	} else {
		_, err = s.store.Create(t.Context(), kv.Record{Key: key})
	}
	require.NoError(t, err)
}

// die takes instances out of the store as their expiry does: all in one moment, and without an author.
func (s *scene) die(t *testing.T, ids ...string) {
	t.Helper()
	for _, id := range ids {
		require.NoError(t, s.store.Delete(t.Context(), instanceKey(id)))
	}
}

// puts registers a number of instances: i00, i01 …
func (s *scene) puts(t *testing.T, n int) (ids []string) {
	t.Helper()
	for i := range n {
		ids = append(ids, fmt.Sprintf("i%02d", i))
		s.put(t, ids[i])
	}
	return ids
}

// shows waits until the view shows exactly these instances, and returns what it took.
func shows(t *testing.T, v *registry.View, ids ...string) time.Duration {
	t.Helper()
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	for snap := v.Snapshot(); ; {
		if fmt.Sprint(idsOf(snap)) == fmt.Sprint(ids) {
			return time.Since(start)
		}
		var err error
		snap, err = v.Next(ctx, snap.Gen)
		require.NoError(t, err, "the view never showed %v, but %v", ids, idsOf(v.Snapshot()))
	}
}

func idsOf(s *registry.Snapshot) []string {
	ids := []string{}
	for _, i := range s.Instances {
		ids = append(ids, i.ID)
	}
	return ids
}

// after lets time pass, and what it brings happen.
func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
