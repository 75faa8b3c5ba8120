package registry

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/test/internal/etcdtest"
	"github.com/coordkit/coord/test/internal/worlds"
)

// onServer is the world of a real server.
var onServer = &worlds.World{}

// etcd gives every lease its whole TTL again when it starts. An outage longer than the TTL ends none, and then nothing is written.
func TestEtcdOutageLongerThanTheTTL(t *testing.T) {
	server := etcdtest.Start(t)
	st := server.Storage(t)
	g := register(t, on(t, st, nil), instance(t, "a"))
	was := records(t, st)["a"]
	update := make(chan error, 1)
	server.Restart(t, func() {
		onServer.Until(t, isIn(g, registry.Lost))
		require.Error(t, g.State().Err)
		go func() { update <- g.Update(context.Background(), func(i *registry.Instance) { i.Weight = 7 }) }()
	})
	require.NoError(t, <-update)
	require.Equal(t, registry.Registered, g.State().Phase)
	got := records(t, st)["a"]
	require.Equal(t, was.Lease, got.Lease, "it never vanished")
	require.Equal(t, 7, got.Weight)
	closeIt(t, g)
}

// What is wiped comes back, from the state of the instances and not of the store.
func TestEtcdDataWiped(t *testing.T) {
	server := etcdtest.Start(t)
	st := server.Storage(t)
	r := on(t, st, nil)
	for range 10 {
		register(t, r, instance(t, ""))
	}
	_, err := server.Client(t).Delete(context.Background(), "coord/", clientv3.WithPrefix())
	require.NoError(t, err)
	onServer.Until(t, func() bool { return len(records(t, st)) == 10 })
	for id, got := range records(t, st) {
		require.NotZero(t, got.Lease, id)
	}
	require.NoError(t, r.Close(context.Background()))
}
