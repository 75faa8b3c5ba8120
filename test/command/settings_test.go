//go:build unix

package command

import (
	"crypto/x509"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/coordkit/coord/test/internal/etcdtest"
)

// guarded starts a server with authentication on: root may all, ann what begins with "ann/". It returns its endpoint as a setting.
func guarded(t *testing.T) string {
	t.Helper()
	server := etcdtest.Start(t, func(cfg *embed.Config) { cfg.BcryptCost = 4 }) // each command signs in
	c := server.Client(t)
	ctx := t.Context()
	for _, step := range []func() error{
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
	} {
		require.NoError(t, step())
	}
	return "COORD_ENDPOINTS=" + server.Endpoint()
}

func TestWhatTheRolesForbidIsToldInOneLine(t *testing.T) {
	endpoint := guarded(t)
	ann, root := []string{endpoint, "COORD_USER=ann:annpw"}, []string{endpoint, "COORD_USER=root:rootpw"}
	ok(t, ann, "kv", "put", "ann/k", "v")
	require.Equal(t, "v", ok(t, ann, "kv", "get", "ann/k"))
	for _, args := range []string{
		"kv get k", "kv put k v", "kv create k v", "kv cas k 1 v", "kv del k", "kv ls", "kv watch", "kv ls --watch", "kv get k --watch",
		"lock ls", "lock describe l", "lock wait l", "lock break -y l", "lock ls --watch", "run l true",
		"election ls", "election describe e", "election resign -y e", "lease ls",
		"service ls", "service describe s", "service watch s", "service drain s a", "service register s", "service register s -- true",
	} {
		message := refused(t, 78, ann, strings.Fields(args)...)
		require.Contains(t, message, "permission denied (the user has no role that grants these keys", args)
	}
	require.Equal(t, "[]\n", ok(t, root, "lock", "ls", "-o", "json"), "who may is served")
	require.Equal(t, "[]\n", ok(t, root, "lease", "ls", "-o", "json"))
}

func TestWrongPasswordIsToldInOneLineAndNeverPrinted(t *testing.T) {
	endpoint := guarded(t)
	for name, env := range map[string][]string{
		"inline": {endpoint, "COORD_USER=ann:hushhush"}, "apart": {endpoint, "COORD_USER=ann", "COORD_PASSWORD=hushhush"},
		"etcdctl's names": {endpoint, "ETCDCTL_USER=ann:hushhush"}, "nobody": {endpoint, "COORD_USER=nobody:hushhush"},
	} {
		for _, args := range [][]string{{"lock", "ls"}, {"run", "l", "true"}} {
			message := refused(t, 78, env, args...)
			require.Contains(t, message, "check --user and --password", name)
			require.NotContains(t, message, "hushhush", name)
		}
	}
	require.Contains(t, refused(t, 78, []string{endpoint}, "lock", "ls"), "set --user and --password")
	require.Contains(t, refused(t, 78, []string{endpoint}, "--user", "ann", "lock", "ls"), "go together")
}

func TestFullStoreIsToldWithWhatToDo(t *testing.T) {
	server := etcdtest.Start(t, func(cfg *embed.Config) { cfg.QuotaBackendBytes = 1 })
	env := []string{"COORD_ENDPOINTS=" + server.Endpoint()}
	for _, args := range []string{"kv put k v", "kv create k v", "run l true"} {
		require.Contains(t, refused(t, 69, env, strings.Fields(args)...), "etcdctl alarm disarm", args)
	}
	require.Equal(t, "[]\n", ok(t, env, "kv", "ls", "-o", "json"), "reading goes on")
}

// mutual starts a server that speaks TLS and takes clients with one certificate only, which is its own too; and returns that and its key.
func mutual(t *testing.T) (endpoint, cert, key string) {
	t.Helper()
	info, err := transport.SelfCert(zap.NewNop(), t.TempDir(), []string{"127.0.0.1:0"}, 1, x509.ExtKeyUsageClientAuth)
	require.NoError(t, err)
	info.TrustedCAFile, info.ClientCertAuth = info.CertFile, true
	server := etcdtest.Start(t, func(cfg *embed.Config) {
		at := url.URL{Scheme: "https", Host: "127.0.0.1:0"}
		cfg.ClientTLSInfo, cfg.ListenClientUrls, cfg.AdvertiseClientUrls = info, []url.URL{at}, []url.URL{at}
	})
	return server.Endpoint(), info.CertFile, info.KeyFile
}

func TestTLSFilesComeFromFlagsAndBothKindsOfVariables(t *testing.T) {
	endpoint, cert, key := mutual(t)
	for _, env := range [][]string{
		{"COORD_ENDPOINTS=" + endpoint, "COORD_CACERT=" + cert, "COORD_CERT=" + cert, "COORD_KEY=" + key},
		{"ETCDCTL_ENDPOINTS=" + endpoint, "ETCDCTL_CACERT=" + cert, "ETCDCTL_CERT=" + cert, "ETCDCTL_KEY=" + key},
		{"ETCDCTL_ENDPOINTS=" + endpoint, "ETCDCTL_INSECURE_SKIP_TLS_VERIFY=true", "COORD_CERT=" + cert, "COORD_KEY=" + key},
	} {
		require.Equal(t, "[]\n", ok(t, env, "lock", "ls", "-o", "json"))
	}
	ok(t, nil, "--endpoints", endpoint, "--cacert", cert, "--cert", cert, "--key", key, "lock", "ls")
	env := []string{"COORD_ENDPOINTS=" + endpoint, "COORD_DIAL_TIMEOUT=500ms"}
	require.Contains(t, refused(t, 69, env, "lock", "ls"), "certificate signed by unknown authority")
	refused(t, 69, env, "--cacert", cert, "lock", "ls")
}

func TestTLSFilesThatCannotBeUsedAreToldInOneLine(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	closed := filepath.Join(t.TempDir(), "closed.pem")
	require.NoError(t, os.WriteFile(closed, nil, 0))
	missing, dir := empty+".not", filepath.Dir(empty)
	env := []string{"COORD_ENDPOINTS=https://127.0.0.1:1"}
	for _, flags := range [][]string{
		{"--cacert", missing}, {"--cacert", empty}, {"--cacert", dir}, {"--cacert", closed}, {"--cert", missing, "--key", missing},
		{"--cert", empty, "--key", empty}, {"--cert", closed, "--key", closed},
	} {
		refused(t, 78, env, append(flags, "lock", "ls")...)
		refused(t, 78, env, append(flags, "run", "l", "true")...)
	}
	require.Contains(t, refused(t, 78, env, "--cacert", missing, "lock", "ls"), missing)
	require.Contains(t, refused(t, 78, env, "--cert", empty, "lock", "ls"), "go together")
	plain := []string{"COORD_ENDPOINTS=http://127.0.0.1:1"}
	require.Contains(t, refused(t, 78, plain, "--insecure-skip-tls-verify", "lock", "ls"), "plain http")
}

func TestStoreThatIsNotThereIsToldInOneLine(t *testing.T) {
	env := []string{"COORD_ENDPOINTS=http://127.0.0.1:1", "COORD_DIAL_TIMEOUT=200ms"}
	for _, args := range []string{
		"lock ls", "lock ls --watch", "lock wait l", "lock break -y l", "election ls", "kv get k", "kv put k v", "lease ls", "lease describe 1",
	} {
		require.Contains(t, refused(t, 69, env, strings.Fields(args)...), "connection refused", args)
	}
	refused(t, 69, []string{"COORD_ENDPOINTS=http://127.0.0.1:1"}, "kv", "watch")
}
