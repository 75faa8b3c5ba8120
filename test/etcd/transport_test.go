package etcd

import (
	"context"
	"net/url"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// encrypted starts a server that speaks TLS with a certificate of its own making, and returns where that is.
func encrypted(t *testing.T) (server *etcdtest.Server, cert string) {
	t.Helper()
	var dir string
	server = etcdtest.Start(t, func(cfg *embed.Config) {
		dir = cfg.Dir
		at := url.URL{Scheme: "https", Host: "127.0.0.1:0"}
		cfg.ClientAutoTLS, cfg.SelfSignedCertValidity = true, 1
		cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{at}, []url.URL{at}
	})
	return server, filepath.Join(dir, "fixtures", "client", "cert.pem")
}

func TestTLSWithTheServersRootsOrNone(t *testing.T) {
	t.Parallel()
	server, cert := encrypted(t)
	for name, s := range map[string]etcd.Settings{
		"roots":         {CACert: cert},
		"no check":      {InsecureSkipVerify: true},
		"a certificate": {CACert: cert, Cert: cert, Key: filepath.Join(filepath.Dir(cert), "key.pem")},
	} {
		t.Run(name, func(t *testing.T) {
			s.Endpoints = []string{server.Endpoint()}
			st, err := s.Open(nil)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, st.Close()) })
			create(t, st, kv.Key(name), "")
		})
	}
}

func TestTLSMismatchFailsWithinTheDialTimeout(t *testing.T) {
	t.Parallel()
	server, _ := encrypted(t)
	opts := &etcd.Options{DialTimeout: 500 * time.Millisecond}
	for name, endpoint := range map[string]string{
		"unknown root":  server.Endpoint(),
		"plain against": "http://" + server.Addr(),
	} {
		st := etcdtest.Open(t, endpoint, opts)
		start := time.Now()
		_, err := st.Get(context.Background(), "k")
		require.ErrorIs(t, err, kv.ErrUnavailable, name)
		require.Less(t, time.Since(start), etcd.DefaultDialTimeout, "%s: which is not what was asked for", name)
		t.Logf("%s: %v", name, err)
	}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	at := url.URL{Scheme: "unix", Path: filepath.Join(t.TempDir(), "s")}
	etcdtest.Start(t, func(cfg *embed.Config) {
		cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{at}, []url.URL{at}
	})
	st := etcdtest.Open(t, at.String(), nil)
	v := create(t, st, "k", "")
	r := waiting(t.Context(), st, "k", v)
	v = replace(t, st, "k", v, "new")
	require.Equal(t, v, receive(t, r, "wait").rec.Version)
}
