package etcd

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// guarded starts a server with authentication on: root may all, ann what begins with "ann/". It returns root's client.
func guarded(t *testing.T, opts ...etcdtest.Option) (*etcdtest.Server, *clientv3.Client) {
	t.Helper()
	// Cheap password hashes: each new stream signs in anew, and the race detector makes hashing slow.
	server := etcdtest.Start(t, append(opts, func(cfg *embed.Config) { cfg.BcryptCost = 4 })...)
	c := server.Client(t)
	ctx := t.Context()
	steps := []func() error{
		func() error { _, err := c.UserAdd(ctx, "root", "rootpw"); return err },
		func() error { _, err := c.UserGrantRole(ctx, "root", "root"); return err },
		func() error { _, err := c.RoleAdd(ctx, "ann"); return err },
		func() error {
			_, err := c.RoleGrantPermission(ctx, "ann", "ann/", "ann0", clientv3.PermissionType(clientv3.PermReadWrite))
			return err
		},
		func() error { _, err := c.UserAdd(ctx, "ann", "annpw"); return err },
		func() error { _, err := c.UserGrantRole(ctx, "ann", "ann"); return err },
		func() error { _, err := c.AuthEnable(ctx); return err },
	}
	for _, step := range steps {
		require.NoError(t, step())
	}
	root, err := clientv3.New(clientv3.Config{
		Endpoints: []string{server.Endpoint()}, Username: "root", Password: "rootpw", DialTimeout: soon, Logger: zap.NewNop(),
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = root.Close() })
	return server, root
}

var ann = etcd.Options{Username: "ann", Password: "annpw"}

func TestUserWithPasswordWorksInHerRange(t *testing.T) {
	t.Parallel()
	server, _ := guarded(t)
	st := etcdtest.Open(t, server.Endpoint(), &ann)
	l := grant(t, st, kept, true)
	v, err := st.Create(t.Context(), kv.Record{Key: "ann/k", Lease: l.Id()})
	require.NoError(t, err)
	r := waiting(t.Context(), st, "ann/k", v)
	requireSilent(t, r, kept+1500*time.Millisecond, "the lease ran out: the renewals' stream carries no token")
	v = replace(t, st, "ann/k", v, "new")
	require.Equal(t, v, receive(t, r, "wait").rec.Version)
	_, _, ahead, err := st.Append(t.Context(), kv.Record{Key: "ann/l"}, "ann/", "ann/z")
	require.NoError(t, err)
	require.Equal(t, 1, ahead)
}

func TestWhatIsNotPermittedIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	server, _ := guarded(t)
	st := etcdtest.Open(t, server.Endpoint(), &ann)
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"Get":    func() error { _, err := st.Get(ctx, "bob/k"); return err },
		"Create": func() error { _, err := st.Create(ctx, kv.Record{Key: "bob/k"}); return err },
		"Delete": func() error { return st.Delete(ctx, "bob/k") },
		"range":  func() error { _, err := st.GetRange(ctx, "a", "z"); return err },
		"wait":   func() error { _, err := st.WaitForVersionChange(ctx, "bob/k", 1); return err },
		"watch": func() (last error) {
			for _, err := range st.WatchRange(ctx, "a", "z") {
				last = err
			}
			return last
		},
	} {
		start := time.Now()
		err := call()
		require.ErrorIs(t, err, rpctypes.ErrPermissionDenied, name)
		require.NotErrorIs(t, err, kv.ErrUncertain, name)
		require.NotErrorIs(t, err, kv.ErrUnavailable, name)
		require.Less(t, time.Since(start), etcd.DefaultDialTimeout, name)
	}
}

func TestWrongPasswordIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	server, _ := guarded(t)
	_, err := etcd.Open([]string{server.Endpoint()}, &etcd.Options{Username: "ann", Password: "wrong"})
	require.ErrorIs(t, err, rpctypes.ErrAuthFailed)
	st := etcdtest.Open(t, server.Endpoint(), nil)
	_, err = st.Get(t.Context(), "k")
	require.ErrorIs(t, err, rpctypes.ErrUserEmpty, "no user at all")
}

func TestSignInAtADeadEndpointIsBounded(t *testing.T) {
	t.Parallel()
	opts := ann
	opts.DialTimeout = 300 * time.Millisecond
	start := time.Now()
	_, err := etcd.Open([]string{dead(t)}, &opts)
	require.ErrorIs(t, err, kv.ErrUnavailable)
	require.Less(t, time.Since(start), etcd.DefaultDialTimeout)
}

func TestWaitEndsWhenThePermissionIsTakenAway(t *testing.T) {
	server, root := guarded(t)
	proxy := server.Proxy(t)
	st := etcdtest.Open(t, proxy.Endpoint(), &ann)
	v := create(t, st, "ann/k", "")
	r := waiting(t.Context(), st, "ann/k", v)
	eventually(t, "the watch stands", func() bool { return server.Watchers(t) == 1 })
	_, failed := follow(t.Context(), st, "ann/", "ann/z")
	eventually(t, "both watches stand", func() bool { return server.Watchers(t) == 2 })

	_, err := root.RoleRevokePermission(t.Context(), "ann", "ann/", "ann0")
	require.NoError(t, err)
	proxy.Cut() // a watch that stands is not looked at again; a new one is
	require.ErrorIs(t, receive(t, r, "wait").err, rpctypes.ErrPermissionDenied)
	require.ErrorIs(t, receive(t, failed, "watch"), rpctypes.ErrPermissionDenied)
}

func TestTokenThatRanOutIsRenewed(t *testing.T) {
	t.Parallel()
	server, _ := guarded(t, func(cfg *embed.Config) { cfg.AuthTokenTTL = 1 })
	st := etcdtest.Open(t, server.Endpoint(), &ann)
	v := create(t, st, "ann/k", "0")
	l := grant(t, st, kept, true)
	for range 3 {
		requireSilent(t, done(l), 1500*time.Millisecond, "the lease ran out")
		v = replace(t, st, "ann/k", v, "again")
	}
}
