//go:build unix && !nolocal

package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/coordkit/coord/cmd/coord/internal/devserver"
)

// onEtcd runs a server for the test, which the command finds by its environment, and returns a plain client.
func onEtcd(t *testing.T) (*bench, *clientv3.Client) {
	t.Helper()
	s, err := devserver.Start(t.Context(), &devserver.Options{DataDir: t.TempDir(), Listen: "127.0.0.1:0", NoSync: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{s.Endpoint()}, DialTimeout: 5 * time.Second, Logger: zap.NewNop()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return &bench{t: t, env: map[string]string{"COORD_ENDPOINTS": s.Endpoint()}}, c
}

func TestLeasesOfEtcdAreListedWithAndWithoutKeys(t *testing.T) {
	b, c := onEtcd(t)
	require.Empty(t, b.ok("lease", "ls"))
	bare, err := c.Grant(t.Context(), 600)
	require.NoError(t, err)
	holding, err := c.Grant(t.Context(), 600)
	require.NoError(t, err)
	_, err = c.Put(t.Context(), "b", "", clientv3.WithLease(holding.ID))
	require.NoError(t, err)
	_, err = c.Put(t.Context(), "a", "", clientv3.WithLease(holding.ID))
	require.NoError(t, err)

	out := b.ok("lease", "ls", "-o", "jsonl")
	require.Contains(t, out, `{"lease":"`+leaseID(bare.ID).String()+`","ttl_seconds":59`)
	require.Contains(t, out, `"keys":[]}`)
	require.Contains(t, out, `"keys":["a","b"]}`)
	require.Contains(t, b.ok("lease", "describe", leaseID(holding.ID).String(), "-o", "json"), `"a",`)
	b.ok("lease", "release", "--yes", leaseID(holding.ID).String())
	require.Equal(t, leaseID(bare.ID).String()+"\n", b.ok("lease", "ls", "-o", "name"))
	require.Empty(t, b.ok("kv", "ls", "-o", "name"))
}

func TestWatchIsDrivenByEtcd(t *testing.T) {
	b, _ := onEtcd(t)
	out := make(lines, 100)
	ctx, stop := context.WithCancel(t.Context())
	code := make(chan int, 1)
	var messages strings.Builder
	go func() { code <- Main(ctx, []string{"kv", "ls", "a", "--watch", "-o", "jsonl"}, b.io(out, &messages)) }()
	version := strings.TrimSpace(b.ok("kv", "put", "a", "1"))
	require.Equal(t, `{"key":"a","version":`+version+`,"lease":null,"ttl_seconds":null,"value":"1"}`+"\n", <-out)
	b.ok("kv", "del", "a")
	require.Contains(t, <-out, `"gone":true`)
	stop()
	require.Zero(t, <-code, messages.String())
}

// lines hands on each write.
type lines chan string

// Write implements io.Writer.
func (l lines) Write(p []byte) (int, error) {
	if len(p) > 0 {
		l <- string(p)
	}
	return len(p), nil
}

func TestDoctorChecksEachEndpoint(t *testing.T) {
	b, _ := onEtcd(t)
	up := b.env["COORD_ENDPOINTS"]
	out := b.ok("doctor")
	require.Regexp(t, `^ok    settings  1 endpoint\nok    endpoint  `+up+`: etcd 3\.[0-9.]+, leader, [0-9.]+ ms, [0-9.]+ [KM]iB on disk\nok    tls `, out)
	require.Regexp(t, `\nok    auth      the store does not ask who you are\n`, out)
	require.Regexp(t, `\nok    lease     asked for 15s( and 1s)?, granted as much(; the shortest is [0-9]s)?\n`, out)
	require.Empty(t, b.ok("kv", "ls"), "it left a key")
	require.Empty(t, b.ok("lease", "ls"), "it left a lease")

	b.env["COORD_ENDPOINTS"] = up + ",127.0.0.1:1"
	b.env["COORD_DIAL_TIMEOUT"] = "1s"
	out, messages, code := b.run("doctor", "-q")
	require.Equal(t, 1, code, messages)
	require.Regexp(t, `^fail  endpoint  127\.0\.0\.1:1: .*refused.*; is it up, .*\n$`, out)
}

func TestDoctorKnowsWhoAsksForAPassword(t *testing.T) {
	b, c := onEtcd(t)
	ctx := t.Context()
	_, err := c.UserAdd(ctx, "root", "secret")
	require.NoError(t, err)
	_, err = c.UserGrantRole(ctx, "root", "root")
	require.NoError(t, err)
	_, err = c.AuthEnable(ctx)
	require.NoError(t, err)
	out, _, code := b.run("doctor", "-q")
	require.Equal(t, 1, code)
	require.Contains(t, out, "set --user and --password")
	b.env["COORD_USER"], b.env["COORD_DIAL_TIMEOUT"] = "root:wrong", "30s" // to look at a password is slow, most of all with the race detector
	out, _, code = b.run("doctor", "-q")
	require.Equal(t, 1, code)
	require.Contains(t, out, "check --user and --password")
	require.NotContains(t, out, "wrong")
	b.env["COORD_USER"] = "root:secret"
	require.Contains(t, b.ok("doctor"), "ok    auth      signed in as root\n")
}

func TestDebugLeavesTheCommandsAsTheyAre(t *testing.T) {
	b, c := onEtcd(t)
	bare, err := c.Grant(t.Context(), 600)
	require.NoError(t, err)
	out, messages, code := b.run("--debug", "lease", "ls", "-o", "name")
	require.Zero(t, code)
	require.Equal(t, leaseID(bare.ID).String()+"\n", out, "a lease that only etcd itself can list")
	require.Contains(t, messages, "msg=setting name=endpoints source=COORD_ENDPOINTS value="+b.env["COORD_ENDPOINTS"]+"\n")
	require.Contains(t, messages, "msg=dial endpoints=["+b.env["COORD_ENDPOINTS"]+"]")
	address := b.env["COORD_ENDPOINTS"]
	require.Contains(t, messages, "msg=connected to="+address+"\n")
	require.Contains(t, messages, `msg="connection ended" to=`+address+"\n")
	require.Contains(t, b.ok("--debug", "doctor"), "ok    auth")
}
