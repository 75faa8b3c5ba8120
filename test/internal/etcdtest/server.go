package etcdtest

import (
	"bufio"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"github.com/coordkit/coord/backends/etcd"
)

// smallLogs makes write-ahead logs small: 64 MB are preallocated for each by default, which is most of what a short test
// would write. The setting is the whole process's, so it is made once, before any server runs.
var smallLogs = sync.OnceFunc(func() { wal.SegmentSizeBytes = 1 << 20 })

// Server is one etcd member, alone in its cluster, with its data in the test's temporary directory.
type Server struct {
	cfg  *embed.Config
	etcd *embed.Etcd
	grpc *grpc.Server
	addr string // host:port, or the path of a socket
}

// Option changes the server's configuration before it starts.
type Option func(*embed.Config)

// Start runs a server until the end of the test.
func Start(t testing.TB, opts ...Option) *Server {
	t.Helper()
	smallLogs()
	s := &Server{cfg: config(t)}
	for _, o := range opts {
		o(s.cfg)
	}
	s.start(t)
	t.Cleanup(s.stop)
	return s
}

func config(t testing.TB) *embed.Config {
	cfg := embed.NewConfig()
	cfg.Dir = t.TempDir()
	cfg.Name = "test"
	// Nobody else is in the cluster, so nobody needs to reach it as a peer.
	peer := url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	cfg.ListenPeerUrls = nil
	cfg.AdvertisePeerUrls = []url.URL{peer}
	cfg.InitialCluster = cfg.Name + "=" + peer.String()
	client := url.URL{Scheme: "http", Host: "127.0.0.1:0"} // a port that the kernel chooses
	cfg.ListenClientUrls = []url.URL{client}
	cfg.AdvertiseClientUrls = []url.URL{client}
	cfg.TickMs, cfg.ElectionMs = 10, 100
	cfg.UnsafeNoFsync = true
	cfg.LogLevel = "panic"
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	return cfg
}

func (s *Server) start(t testing.TB) {
	t.Helper()
	var err error
	serving := make(chan *grpc.Server, 1) // made when the member is ready
	s.cfg.ServiceRegister = func(g *grpc.Server) { serving <- g }
	s.etcd, err = embed.StartEtcd(s.cfg)
	require.NoError(t, err, "start etcd")
	select {
	case s.grpc = <-serving:
	case <-time.After(30 * time.Second):
		s.etcd.Close()
		t.Fatal("etcd does not serve after 30 s")
	}
	s.addr = s.etcd.Clients[0].Addr().String()
}

// stop stops the server. Its own Close would first wait some seconds for open streams to end.
func (s *Server) stop() {
	s.grpc.Stop()
	s.etcd.Close()
}

// Restart stops the server and starts it again on the same data and the same port. Between the two, down runs, if it is
// not nil.
func (s *Server) Restart(t testing.TB, down func()) {
	t.Helper()
	s.stop()
	if down != nil {
		down()
	}
	at := url.URL{Scheme: "http", Host: s.addr}
	s.cfg.ListenClientUrls = []url.URL{at}
	s.cfg.AdvertiseClientUrls = []url.URL{at}
	s.start(t)
}

// Addr is the host and port, or the socket, where the server listens.
func (s *Server) Addr() string { return s.addr }

// Endpoint is where clients reach the server.
func (s *Server) Endpoint() string { return s.cfg.ListenClientUrls[0].Scheme + "://" + s.addr }

// Client returns a plain client of the server, closed at the end of the test.
func (s *Server) Client(t testing.TB) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{
		Endpoints: []string{s.Endpoint()}, DialTimeout: 5 * time.Second, Logger: zap.NewNop(),
	})
	require.NoError(t, err, "client")
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Storage opens a storage on the server with a client of its own, closed at the end of the test if not before.
func (s *Server) Storage(t testing.TB) *etcd.Storage {
	t.Helper()
	return Open(t, s.Endpoint(), nil)
}

// Open opens a storage on an endpoint, closed at the end of the test if not before.
func Open(t testing.TB, endpoint string, opts *etcd.Options) *etcd.Storage {
	t.Helper()
	st, err := etcd.Open([]string{endpoint}, opts)
	require.NoError(t, err, "open storage")
	t.Cleanup(func() { require.NoError(t, st.Close(), "close storage") })
	return st
}

// Metric reads one of the server's metrics, summed over its labels. Servers in one process share them.
func (s *Server) Metric(t testing.TB, name string) float64 {
	t.Helper()
	return Metric(t, s.Endpoint(), name)
}

// Metric reads one of the metrics of the server at an endpoint, summed over its labels.
func Metric(t testing.TB, endpoint, name string) float64 {
	t.Helper()
	resp, err := http.Get(endpoint + "/metrics")
	require.NoError(t, err, "metrics")
	defer resp.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	sum, found := sumMetric(t, resp.Body, name)
	require.True(t, found, "metric %s", name)
	return sum
}

func sumMetric(t testing.TB, r io.Reader, name string) (sum float64, found bool) {
	t.Helper()
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		labelled, value, ok := strings.Cut(lines.Text(), " ")
		bare, _, _ := strings.Cut(labelled, "{")
		if !ok || bare != name {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		require.NoError(t, err, "metric %s", name)
		sum, found = sum+v, true
	}
	require.NoError(t, lines.Err())
	return sum, found
}

// Watchers is how many watches stand on the server.
func (s *Server) Watchers(t testing.TB) int {
	t.Helper()
	return int(s.Metric(t, "etcd_debugging_mvcc_watcher_total"))
}
