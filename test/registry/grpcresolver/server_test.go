package grpcresolver

import (
	"context"
	"maps"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/grpcresolver"
	"github.com/coordkit/coord/test/internal/registrytest"
)

// patience is for what happens without a bound of its own, on a slow machine.
const patience = 30 * time.Second

// server is a gRPC server on the loopback, with the health service.
type server struct {
	net.Listener
	accepted atomic.Int32
	grpc     *grpc.Server
	health   *health.Server
}

func (s *server) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err == nil {
		s.accepted.Add(1)
	}
	return c, err
}

func (s *server) address() string { return s.Addr().String() }

func serve(t *testing.T) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{Listener: l, grpc: grpc.NewServer(), health: health.NewServer()}
	healthpb.RegisterHealthServer(s.grpc, s.health)
	served := make(chan error, 1)
	go func() { served <- s.grpc.Serve(s) }()
	t.Cleanup(func() {
		s.grpc.Stop()
		require.NoError(t, <-served)
	})
	return s
}

// live is a registry on a memory store, on real time.
type live struct {
	store kv.Storage
	r     *registry.Registry
}

func newLive(t *testing.T) *live {
	t.Helper()
	store := memory.New(nil)
	l := &live{store: store, r: registry.New(store, &registry.Options{Debounce: -1})}
	t.Cleanup(func() {
		require.NoError(t, l.r.Close(context.Background()))
		require.NoError(t, store.Close())
	})
	return l
}

// put registers the server under an ID.
func (l *live) put(t *testing.T, id string, s *server, change func(i *registry.Instance)) {
	t.Helper()
	i := registry.Instance{Service: "orders", ID: id, Endpoints: []registry.Endpoint{{Name: "grpc", Address: s.address()}}}
	if change != nil {
		change(&i)
	}
	registrytest.Put(t, l.store, i)
}

// dial returns a connection that spreads calls over all instances.
func dial(t *testing.T, r *registry.Registry, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("coord:///orders?endpoint=grpc", append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithResolvers(grpcresolver.New(r, nil)),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
	}, options...)...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// call returns the address of the server that has answered within so long.
func call(t *testing.T, conn *grpc.ClientConn, within time.Duration, options ...grpc.CallOption) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	var p peer.Peer
	_, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}, append(options, grpc.Peer(&p))...)
	if err != nil {
		return "", err
	}
	return p.Addr.String(), nil
}

// reach calls until exactly these servers answer, all of them.
func reach(t *testing.T, conn *grpc.ClientConn, servers ...*server) {
	t.Helper()
	want := map[string]bool{}
	for _, s := range servers {
		want[s.address()] = true
	}
	for deadline := time.Now().Add(patience); ; {
		got := map[string]bool{}
		for range 4 * len(servers) {
			at, err := call(t, conn, patience)
			require.NoError(t, err)
			got[at] = true
		}
		if maps.Equal(got, want) {
			return
		}
		require.True(t, time.Now().Before(deadline), "answers from %v, want %v", got, want)
	}
}
