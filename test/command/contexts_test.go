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
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/coordkit/coord/test/internal/etcdtest"
)

// withConfig is an environment with a file of contexts of the test's.
func withConfig(t *testing.T) (env []string, dir string) {
	t.Helper()
	dir = t.TempDir()
	return []string{"COORD_CONFIG=" + filepath.Join(dir, "config.yaml"), "COORD_LOCAL=off"}, dir
}

func TestContextSignsInFromEachPlaceThatAPasswordCanBe(t *testing.T) {
	_, endpoint, _ := strings.Cut(guarded(t), "=")
	env, dir := withConfig(t)
	file := filepath.Join(dir, "password")
	require.NoError(t, os.WriteFile(file, []byte("rootpw\n"), 0o600))
	ok(t, env, "context", "set", "file", "--endpoints", endpoint, "--user", "root", "--password-file", file)
	ok(t, env, "context", "set", "variable", "--endpoints", endpoint, "--user", "root", "--password-env", "ROOT_PASSWORD")
	text, err := os.ReadFile(filepath.Join(dir, "config.yaml"))
	require.NoError(t, err)
	inline := strings.Replace(string(text), "password-env: ROOT_PASSWORD", "password: rootpw", 1)
	require.NotEqual(t, string(text), inline)
	require.Equal(t, "[]\n", ok(t, env, "--context", "file", "lock", "ls", "-o", "json"))
	require.Contains(t, refused(t, 78, env, "--context", "variable", "lock", "ls"), "the variable ROOT_PASSWORD is not set")
	require.Equal(t, "[]\n", ok(t, append(env, "ROOT_PASSWORD=rootpw", "COORD_CONTEXT=variable"), "lock", "ls", "-o", "json"))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(inline), 0o600))
	require.Equal(t, "[]\n", ok(t, env, "--context", "variable", "lock", "ls", "-o", "json"))
	require.Contains(t, refused(t, 78, env, "--context", "none", "--endpoints", endpoint, "lock", "ls"), "--user")
}

func TestCoordWithinAProgramSignsInByTheSameContext(t *testing.T) {
	_, endpoint, _ := strings.Cut(guarded(t), "=")
	env, dir := withConfig(t)
	file := filepath.Join(dir, "password")
	require.NoError(t, os.WriteFile(file, []byte("rootpw"), 0o600))
	ok(t, env, "context", "set", "prod", "--endpoints", endpoint, "--user", "root", "--password-file", file)
	ok(t, env, "context", "use", "prod")
	out := ok(t, env, "run", "l", "sh", "-c", `env; "$0" lock ls -o name`, binary)
	require.True(t, strings.HasSuffix(out, "\nl\n"), out)
	require.Contains(t, out, "COORD_CONTEXT=prod\n")
	require.NotContains(t, out, "rootpw")
	// The environment of another store gives way to the flag, within the program too.
	other := append(env, "COORD_ENDPOINTS=https://127.0.0.1:1", "COORD_USER=eve:x", "COORD_CACERT=/no/such")
	out = ok(t, other, "--context", "prod", "run", "l", "sh", "-c", `env; "$0" lock ls -o name`, binary)
	require.True(t, strings.HasSuffix(out, "\nl\n"), out)
	require.NotContains(t, out, "/no/such")
}

func TestServerNameIsWhatCertificatesAreCheckedFor(t *testing.T) {
	info, err := transport.SelfCert(zap.NewNop(), t.TempDir(), []string{"etcd.test:1"}, 1, x509.ExtKeyUsageClientAuth)
	require.NoError(t, err)
	info.TrustedCAFile, info.ClientCertAuth = info.CertFile, true
	server := etcdtest.Start(t, func(cfg *embed.Config) {
		at := url.URL{Scheme: "https", Host: "127.0.0.1:0"}
		cfg.ClientTLSInfo, cfg.ListenClientUrls, cfg.AdvertiseClientUrls = info, []url.URL{at}, []url.URL{at}
	})
	env, _ := withConfig(t)
	ok(t, env, "context", "set", "c", "--endpoints", server.Endpoint(), "--cacert", info.CertFile, "--cert", info.CertFile, "--key", info.KeyFile)
	ok(t, env, "context", "use", "c")
	quick := append(env, "COORD_DIAL_TIMEOUT=500ms")
	require.Contains(t, refused(t, 69, quick, "lock", "ls"), "certificate")
	require.Contains(t, refused(t, 69, quick, "--server-name", "other", "lock", "ls"), "etcd.test")
	for _, args := range [][]string{{"--server-name", "etcd.test", "lock", "ls"}, {"context", "set", "c", "--server-name", "etcd.test"}, {"lock", "ls"}} {
		ok(t, env, args...)
	}
	ok(t, []string{
		"COORD_ENDPOINTS=" + server.Endpoint(), "COORD_CACERT=" + info.CertFile, "COORD_CERT=" + info.CertFile, "COORD_KEY=" + info.KeyFile,
		"COORD_SERVER_NAME=etcd.test",
	}, "lock", "ls")
}
