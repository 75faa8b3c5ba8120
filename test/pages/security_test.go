//go:build linux

package pages

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/semaphore"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// guarded runs the commands of the page on a store of its own, and returns where that is.
func guarded(t *testing.T) (endpoint string, sh *shell) {
	t.Helper()
	server := etcdtest.Start(t, func(cfg *embed.Config) { cfg.BcryptCost = 4 })
	sh = newShell(t, "COORD_ENDPOINTS="+server.Endpoint(), "ETCDCTL_ENDPOINTS="+server.Endpoint(),
		"ROOT_PASSWORD=root-pw", "BILLING_PASSWORD=billing-pw", "VIEWER_PASSWORD=viewer-pw", "ONCALL_PASSWORD=oncall-pw")
	for _, b := range blocks(t, "security.md", 3) {
		sh.run(t, b, "")
	}
	return server.Endpoint(), sh
}

func as(t *testing.T, endpoint, user string) *etcd.Storage {
	t.Helper()
	return etcdtest.Open(t, endpoint, &etcd.Options{Username: user, Password: user + "-pw"})
}

// uses takes everything of that prefix once, as a program does, and gives it back; and tells what was refused.
func uses(t *testing.T, st *etcd.Storage, prefix string) map[string]error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	s := session.New(st, nil)
	defer func() { require.NoError(t, s.Close(ctx)) }()
	r := registry.New(st, nil)
	defer func() { require.NoError(t, r.Close(ctx)) }()
	nothing := func(context.Context, *mutex.Held) error { return nil }
	return map[string]error{
		"lock":         mutex.New(s, prefix+"lock", nil).Do(ctx, nothing),
		"delayed lock": mutex.New(s, prefix+"slow", &mutex.Options{Delay: time.Second}).Do(ctx, nothing),
		"read lock":    mutex.NewRW(s, prefix+"rw", nil).RDo(ctx, nothing),
		"semaphore": semaphore.New(s, prefix+"places", 2, nil).Do(ctx, 1, func(context.Context, *semaphore.Permit) error {
			return nil
		}),
		"election": func() error {
			term, err := election.New(s, prefix+"chief", nil).Campaign(ctx)
			if err != nil {
				return err
			}
			if err := term.Proclaim(ctx, []byte("here")); err != nil {
				return err
			}
			return term.Resign(ctx)
		}(),
		"registry": func() error {
			// A registration that the store refuses for good is still tried again and again: it gets a while.
			ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
			defer cancel()
			reg, err := r.Register(ctx, registry.Instance{Service: prefix + "api"})
			if err != nil {
				return err
			}
			return reg.Close(ctx)
		}(),
	}
}

// sees reads what operators read, of everything.
func sees(t *testing.T, st *etcd.Storage) map[string]error {
	t.Helper()
	r := registry.New(st, nil)
	defer func() { require.NoError(t, r.Close(t.Context())) }()
	found := map[string]error{}
	_, found["locks"] = mutex.List(t.Context(), st)
	_, found["semaphores"] = semaphore.List(t.Context(), st)
	_, found["elections"] = election.List(t.Context(), st)
	_, found["services"] = r.Services(t.Context())
	return found
}

func TestHolderOfThePageUsesItsOwnAndNothingElse(t *testing.T) {
	t.Parallel()
	endpoint, _ := guarded(t)
	billing := as(t, endpoint, "billing")
	for what, err := range uses(t, billing, "billing.") {
		require.NoError(t, err, what)
	}
	for what, err := range uses(t, billing, "billing") { // not the prefix
		require.Error(t, err, what)
		if what != "registry" {
			require.ErrorIs(t, err, rpctypes.ErrPermissionDenied, what)
		}
	}
	for what, err := range sees(t, billing) {
		require.ErrorIs(t, err, rpctypes.ErrPermissionDenied, what)
	}
}

func TestObserverOfThePageSeesAllAndChangesNothing(t *testing.T) {
	t.Parallel()
	endpoint, _ := guarded(t)
	viewer, billing := as(t, endpoint, "viewer"), as(t, endpoint, "billing")
	s := session.New(billing, nil)
	held, err := mutex.New(s, "billing.invoices", nil).Lock(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close(context.Background())) }()

	for what, err := range sees(t, viewer) {
		require.NoError(t, err, what)
	}
	for what, err := range uses(t, viewer, "billing.") {
		require.Error(t, err, what)
	}
	_, err = viewer.Client().Revoke(t.Context(), clientv3.LeaseID(held.Lease()))
	require.ErrorIs(t, err, rpctypes.ErrPermissionDenied, "who may not write the keys may not end their lease")
	_, err = viewer.Client().KeepAliveOnce(t.Context(), clientv3.LeaseID(held.Lease()))
	require.ErrorIs(t, err, rpctypes.ErrPermissionDenied, "nor renew it")
	require.ErrorIs(t, mutex.Break(t.Context(), viewer, "billing.invoices", held.Token()), rpctypes.ErrPermissionDenied)
	require.NoError(t, held.Check(t.Context()))
	for leader, err := range election.Observe(t.Context(), viewer, "billing.chief") {
		require.NoError(t, err)
		require.True(t, leader.Vacant)
		break
	}
	view := registry.New(viewer, nil)
	defer view.Close(t.Context())
	snapshot, err := view.View("billing.api").WaitFor(t.Context(), 0)
	require.NoError(t, err)
	require.Equal(t, registry.Live, snapshot.Health)
}

func TestOperatorOfThePageBreaks(t *testing.T) {
	t.Parallel()
	endpoint, _ := guarded(t)
	oncall, billing := as(t, endpoint, "oncall"), as(t, endpoint, "billing")
	s := session.New(billing, nil)
	defer func() { require.NoError(t, s.Close(context.Background())) }()
	held, err := mutex.New(s, "billing.invoices", nil).Lock(t.Context())
	require.NoError(t, err)
	require.NoError(t, mutex.Break(t.Context(), oncall, "billing.invoices", held.Token()))
	require.ErrorIs(t, held.Check(t.Context()), mutex.ErrLost)
}

func TestCommandsOfThePagesUsersEndAsItSays(t *testing.T) {
	t.Parallel()
	_, sh := guarded(t)
	for user, commands := range map[string]string{
		"viewer": `coord lock ls; coord election ls; coord semaphore ls; coord service ls; coord top --once
			coord lock ls -o json; coord kv ls coord/
			fails coord run billing.invoices true; fails coord lease ls; fails coord kv put coord/k v`,
		"oncall": `coord doctor; coord run billing.invoices -- coord lock describe billing.invoices; coord kv put coord/k v
			fails coord kv put other v; fails coord lease ls`,
		"root": `coord doctor; coord lease ls`,
	} {
		sh.run(t, block{page: user, code: commands}, "export COORD_USER="+user+" COORD_PASSWORD="+user+`-pw
			fails() { local code=0; "$@" || code=$?; [ $code = 78 ] || { echo "$*: ends with $code" >&2; exit 1; }; }`)
	}
}
