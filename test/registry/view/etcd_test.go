package view

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// onEtcd is views of both kinds on a real etcd, and a registry to register in.
func onEtcd(t *testing.T, server *etcdtest.Server) (views []*registry.View, r *registry.Registry) {
	t.Helper()
	for _, st := range []kv.Storage{server.Storage(t), kvtest.Hide(server.Storage(t))} {
		v := openRegistry(t, st, nil).View(service)
		t.Cleanup(v.Close)
		views = append(views, v)
	}
	return views, openRegistry(t, server.Storage(t), &registry.Options{TTL: 3 * time.Second})
}

// allShow waits until each view shows exactly these instances.
func allShow(t *testing.T, views []*registry.View, ids ...string) {
	t.Helper()
	for _, v := range views {
		shows(t, v, ids...)
	}
}

func register(t *testing.T, r *registry.Registry, id string) *registry.Registration {
	t.Helper()
	reg, err := r.Register(t.Context(), registry.Instance{Service: service, ID: id})
	require.NoError(t, err)
	return reg
}

func TestViewsFollowARealEtcd(t *testing.T) {
	server := etcdtest.Start(t)
	views, r := onEtcd(t, server)
	a, b, c := register(t, r, "a"), register(t, r, "b"), register(t, r, "c")
	allShow(t, views, "a", "b", "c")

	require.NoError(t, a.Update(t.Context(), func(i *registry.Instance) { i.Zone = "z" }))
	require.NoError(t, b.SetStatus(t.Context(), registry.Draining))
	for _, v := range views {
		_, err := v.WaitFor(t.Context(), 1, registry.InZone("z"))
		require.NoError(t, err)
		_, err = v.WaitFor(t.Context(), 1, registry.Not(registry.ServingOnly))
		require.NoError(t, err)
	}
	require.NoError(t, b.Close(t.Context()))
	allShow(t, views, "a", "c")

	lease, err := server.Storage(t).Lessor().GetLease(c.Instance().Lease)
	require.NoError(t, err)
	before := c.Instance().Revision
	require.NoError(t, lease.Release())
	for _, v := range views { // it comes back, as another record
		gone := func(i *registry.Instance) bool { return i.ID == "c" && i.Revision > before }
		_, err := v.WaitFor(t.Context(), 1, gone)
		require.NoError(t, err)
	}
	for _, v := range views {
		s, err := v.Refresh(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"a", "c"}, idsOf(s))
	}
}

func TestViewsSurviveACompactionAndARestartOfEtcd(t *testing.T) {
	server := etcdtest.Start(t)
	views, r := onEtcd(t, server)
	register(t, r, "a")
	allShow(t, views, "a")

	client := server.Client(t)
	for i := range 20 {
		_, err := client.Put(t.Context(), "elsewhere", fmt.Sprint(i))
		require.NoError(t, err)
	}
	resp, err := client.Get(t.Context(), "elsewhere")
	require.NoError(t, err)
	_, err = client.Compact(t.Context(), resp.Header.Revision, clientv3.WithCompactPhysical())
	require.NoError(t, err)
	register(t, r, "b")
	allShow(t, views, "a", "b")

	server.Restart(t, func() {
		for _, v := range views {
			require.Equal(t, []string{"a", "b"}, idsOf(v.Snapshot()), "an outage is not an empty service")
		}
	})
	register(t, r, "c")
	allShow(t, views, "a", "b", "c")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for _, v := range views {
		_, err := v.WaitFor(ctx, 3, registry.ServingOnly)
		require.NoError(t, err)
		require.Equal(t, registry.Live, v.Snapshot().Health)
	}
}
