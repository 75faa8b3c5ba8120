package etcd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

func newStorage(c *clientv3.Client) *etcd.Storage { return etcd.New(c, nil) }

func TestLostAnswerOfAWriteIsUncertain(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t)
	proxy := server.Proxy(t)
	direct := server.Storage(t)
	st := etcdtest.Open(t, proxy.Endpoint(), nil)
	v := create(t, st, "present", "old")

	writes := map[string]func(ctx context.Context) error{
		"Create": func(ctx context.Context) error {
			_, err := st.Create(ctx, kv.Record{Key: "new"})
			return err
		},
		"CasByVersion": func(ctx context.Context) error {
			_, err := st.CasByVersion(ctx, kv.Record{Key: "present", Version: v, Value: kv.Value("new")})
			return err
		},
		"Append": func(ctx context.Context) error {
			_, _, _, err := st.Append(ctx, kv.Record{Key: "appended"}, "a", "z")
			return err
		},
		"NewLease": func(ctx context.Context) error {
			_, err := st.Lessor().NewLease(ctx, time.Second, false)
			return err
		},
	}
	for name, write := range writes {
		t.Run(name+" at the end of ctx", func(t *testing.T) {
			ready(t, st)
			proxy.Lose(etcdtest.Replies, true)
			defer func() { proxy.Lose(etcdtest.Replies, false); proxy.Cut() }()
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			err := write(ctx)
			require.ErrorIs(t, err, kv.ErrUncertain)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	}
	_, err := direct.Get(t.Context(), "new")
	require.NoError(t, err, "the Create without an answer took effect")

	t.Run("Delete on a connection that breaks", func(t *testing.T) {
		ready(t, st)
		proxy.Lose(etcdtest.Replies, true)
		done := make(chan error, 1)
		go func() { done <- st.Delete(context.Background(), "present") }()
		eventually(t, "the deletion happened", func() bool {
			_, err := direct.Get(t.Context(), "present")
			return errors.Is(err, kv.ErrNotFound)
		})
		proxy.Lose(etcdtest.Replies, false)
		proxy.Cut()
		err := receive(t, done, "Delete")
		require.ErrorIs(t, err, kv.ErrUncertain)
		require.ErrorIs(t, err, kv.ErrUnavailable)
	})
}

// ready waits until st reaches its store.
func ready(t *testing.T, st kv.Storage) {
	t.Helper()
	eventually(t, "the store is reached", func() bool {
		_, err := st.Get(t.Context(), "present")
		return err == nil || errors.Is(err, kv.ErrNotFound)
	})
}

func TestContextOverBeforeTheCallIsDefinite(t *testing.T) {
	st := etcdtest.Start(t).Storage(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := st.Create(ctx, kv.Record{Key: "k"})
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, kv.ErrUncertain)
}

// dead returns an endpoint where nobody listens.
func dead(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	return "http://" + ln.Addr().String()
}

func TestDeadEndpointFailsWithinTheDialTimeout(t *testing.T) {
	st := etcdtest.Open(t, dead(t), &etcd.Options{DialTimeout: 300 * time.Millisecond})
	ctx := context.Background() // no deadline
	calls := map[string]func() error{
		"Get":    func() error { _, err := st.Get(ctx, "k"); return err },
		"Create": func() error { _, err := st.Create(ctx, kv.Record{Key: "k"}); return err },
		"Delete": func() error { return st.Delete(ctx, "k") },
		"range":  func() error { _, err := st.GetRange(ctx, "a", "z"); return err },
		"wait":   func() error { _, err := st.WaitForVersionChange(ctx, "k", 1); return err },
		"grant":  func() error { _, err := st.Lessor().NewLease(ctx, time.Second, true); return err },
		"lease":  func() error { _, err := st.Lessor().GetLease(1); return err },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			err := call()
			require.ErrorIs(t, err, kv.ErrUnavailable)
			require.NotErrorIs(t, err, kv.ErrUncertain, "nothing was sent")
			require.ErrorContains(t, err, "refused", "the reason")
			require.Less(t, time.Since(start), etcd.DefaultDialTimeout, "which is not what was asked for")
		})
	}
}

func TestDeadEndpointGivesWayToContext(t *testing.T) {
	st := etcdtest.Open(t, dead(t), nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := st.Create(ctx, kv.Record{Key: "k"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, kv.ErrUncertain, "nothing was sent")
	require.Less(t, time.Since(start), etcd.DefaultDialTimeout)
}

func TestStoreThatComesLateIsFound(t *testing.T) {
	server := etcdtest.Start(t)
	proxy := server.Proxy(t)
	proxy.Refuse(true)
	st := etcdtest.Open(t, proxy.Endpoint(), nil)
	done := make(chan error, 1)
	go func() { _, err := st.Create(context.Background(), kv.Record{Key: "k"}); done <- err }()
	requireSilent(t, done, 200*time.Millisecond, "Create returned")
	proxy.Refuse(false)
	require.NoError(t, receive(t, done, "Create"))
}

func TestClosedClientIsErrClosed(t *testing.T) {
	client := etcdtest.Start(t).Client(t)
	st := newStorage(client)
	defer st.Close()
	v := create(t, st, "k", "")
	require.NoError(t, client.Close())
	_, err := st.Get(t.Context(), "k")
	require.ErrorIs(t, err, kv.ErrClosed)
	_, err = st.CasByVersion(t.Context(), kv.Record{Key: "k", Version: v})
	require.ErrorIs(t, err, kv.ErrClosed)
	require.NotErrorIs(t, err, kv.ErrUncertain)
}

func TestStoreOutOfSpaceIsUnavailableAndStillReleases(t *testing.T) {
	server := etcdtest.Start(t, func(cfg *embed.Config) { cfg.QuotaBackendBytes = 4 << 20 })
	st := server.Storage(t)
	l, err := st.Lessor().NewLease(t.Context(), time.Minute, true)
	require.NoError(t, err)
	_, err = st.Create(t.Context(), kv.Record{Key: "held", Lease: l.Id()})
	require.NoError(t, err)

	value := make(kv.Value, 512<<10)
	for i := 0; ; i++ {
		key := kv.Key(fmt.Sprintf("fill%d", i))
		if _, err = st.Create(t.Context(), kv.Record{Key: key, Value: value}); err == nil {
			require.Less(t, i, 100, "the quota is reached")
			continue
		}
		_, stored := st.Get(t.Context(), key)
		require.ErrorIs(t, err, kv.ErrUnavailable)
		if stored == nil {
			require.ErrorIs(t, err, kv.ErrUncertain, "stored nevertheless")
		}
		break
	}
	_, err = st.Create(t.Context(), kv.Record{Key: "small"})
	require.ErrorIs(t, err, kv.ErrUnavailable)
	require.NotErrorIs(t, err, kv.ErrUncertain, "nothing was stored, and that is known")
	require.NoError(t, st.Delete(t.Context(), "held"))
	require.NoError(t, l.Release())
}
