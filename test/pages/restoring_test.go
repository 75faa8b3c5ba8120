//go:build linux

package pages

import (
	"context"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/fence"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// restored starts a server on what etcdutl has made.
func restored(t *testing.T, sh *shell) *etcdtest.Server {
	t.Helper()
	return etcdtest.Start(t, func(cfg *embed.Config) {
		peer := url.URL{Scheme: "http", Host: "localhost:2380"} // etcdutl's default, where nobody listens
		cfg.Dir, cfg.Name = filepath.Join(sh.dir, "restored"), "default"
		cfg.AdvertisePeerUrls, cfg.InitialCluster = []url.URL{peer}, cfg.Name+"="+peer.String()
	})
}

// lockedOnce takes a lock, writes under it, and gives it back.
func lockedOnce(t *testing.T, s *session.Session, gate *fence.Gate) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	return mutex.New(s, "report", nil).Do(ctx, func(_ context.Context, h *mutex.Held) error { return gate.Admit(h.Token()) })
}

func TestVersionsOfARestoredStoreGoOn(t *testing.T) {
	t.Parallel()
	page := blocks(t, "restoring.md", 3)
	old := etcdtest.Start(t)
	var target atomic.Value // where the store is
	target.Store(old.Addr())
	way := etcdtest.NewProxy(t, func() string { return target.Load().(string) }, nil)
	st := etcdtest.Open(t, way.Endpoint(), nil)
	// A process that lives through all of it, and holds a lock that it has from before the snapshot.
	s := session.New(st, &session.Options{TTL: 2 * time.Second})
	defer func() { require.NoError(t, s.Close(context.Background())) }()
	var gate fence.Gate
	keeps, err := mutex.New(s, "kept", nil).Lock(t.Context())
	require.NoError(t, err)

	sh := newShell(t, "COORD_ENDPOINTS="+way.Endpoint(), "ETCDCTL_ENDPOINTS="+old.Endpoint())
	sh.run(t, page[0], "")
	for range 20 { // what the snapshot does not know
		require.NoError(t, lockedOnce(t, s, &gate))
	}
	way.Refuse(true)
	sh.run(t, page[1], "")
	select {
	case <-keeps.Done():
		require.ErrorIs(t, keeps.Err(), mutex.ErrLost)
	case <-time.After(30 * time.Second):
		t.Fatal("the holder does not give up")
	}
	time.Sleep(keeps.ValidFor()) // the rest of the TTL: a real clock, a real store

	target.Store(restored(t, sh).Addr())
	way.Refuse(false)
	before := gate.Highest()
	require.NoError(t, lockedOnce(t, s, &gate), "the next holder is refused")
	require.Greater(t, gate.Highest(), before+900_000_000)
	require.NoError(t, mutex.New(s, "kept", nil).Do(t.Context(), func(context.Context, *mutex.Held) error { return nil }))
	sh.run(t, page[2], "")
}

// The same without what lifts the versions shows that it takes that, and what helps then.
func TestVersionsOfAStoreRestoredOtherwiseGoBack(t *testing.T) {
	t.Parallel()
	page := blocks(t, "restoring.md", 3)
	old := etcdtest.Start(t)
	sh := newShell(t, "ETCDCTL_ENDPOINTS="+old.Endpoint())
	sh.run(t, page[0], "")
	var gate fence.Gate
	s := session.New(old.Storage(t), nil)
	for range 20 {
		require.NoError(t, lockedOnce(t, s, &gate))
	}
	require.NoError(t, s.Close(t.Context()))
	without := page[1]
	without.code = strings.Replace(without.code, "--bump-revision 1000000000 --mark-compacted", "", 1)
	require.NotEqual(t, page[1].code, without.code)
	sh.run(t, without, "")

	s = session.New(restored(t, sh).Storage(t), nil)
	defer func() { require.NoError(t, s.Close(context.Background())) }()
	require.ErrorIs(t, lockedOnce(t, s, &gate), fence.ErrStale)
	gate.Reset(kv.Version(0))
	require.NoError(t, lockedOnce(t, s, &gate))
}
