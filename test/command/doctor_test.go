//go:build unix

package command

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/server/v3/embed"

	"github.com/coordkit/coord/test/internal/etcdtest"
)

// sick runs the doctor, who must find something that failed, and returns all that is not ok.
func sick(t *testing.T, env []string, args ...string) string {
	t.Helper()
	out, messages, code := coord(t, env, append(args, "doctor", "-q")...)
	require.Equal(t, 1, code, "%s%s", out, messages)
	require.Empty(t, messages)
	return out
}

func TestDoctorOnMutualTLS(t *testing.T) {
	endpoint, cert, key := mutual(t)
	env := []string{"COORD_ENDPOINTS=" + endpoint, "COORD_DIAL_TIMEOUT=1s"}
	out := ok(t, env, "--cacert", cert, "--cert", cert, "--key", key, "doctor")
	require.Regexp(t, `\nok    tls       nothing goes over a network unprotected\nok    tls       the certificate .* is good for 36[45]d`, out)
	out = ok(t, env, "--insecure-skip-tls-verify", "--cert", cert, "--key", key, "doctor")
	require.Contains(t, out, "warn  tls       any server's certificate is accepted; give --cacert")
	require.Regexp(t, `^fail  endpoint  .*certificate signed by unknown authority.*; check --cacert, --cert and --key`, sick(t, env))
	require.Regexp(t, `^fail  endpoint  .*; check --cacert, --cert and --key`, sick(t, env, "--cacert", cert), "no certificate of its own")
	plain := []string{"COORD_ENDPOINTS=http" + endpoint[len("https"):], "COORD_DIAL_TIMEOUT=1s"}
	require.Regexp(t, `^fail  endpoint  .*; perhaps the server speaks TLS`, sick(t, plain))
}

func TestDoctorOnWhatTheRolesForbid(t *testing.T) {
	endpoint := guarded(t)
	out := sick(t, []string{endpoint, "COORD_USER=ann:annpw"})
	require.Regexp(t, `^fail  read      .*permission denied.*keeps what is its own under coord/\)\n$`, out)
	require.Contains(t, ok(t, []string{endpoint, "COORD_USER=root:rootpw"}, "doctor"), "ok    auth      signed in as root\n")
	out = sick(t, []string{endpoint, "COORD_USER=ann:hushhush"})
	require.Regexp(t, `^fail  endpoint  .*check --user and --password.*\n$`, out)
	require.NotContains(t, out, "hushhush")
}

func TestDoctorOnAFullStore(t *testing.T) {
	server := etcdtest.Start(t, func(cfg *embed.Config) { cfg.QuotaBackendBytes = 1 })
	env := []string{"COORD_ENDPOINTS=" + server.Endpoint()}
	refused(t, 69, env, "kv", "put", "k", "v")
	out := sick(t, env)
	require.Regexp(t, `^fail  endpoint  .*NOSPACE.*etcdctl alarm disarm\n`, out)
	require.Regexp(t, `\nfail  lease     .*etcdctl alarm disarm\)\n`, out)
}
