package grpcresolver_test

import (
	"context"
	"fmt"
	"log"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/resolver"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/grpcresolver"
)

func Example() {
	ctx := context.Background()
	st := memory.New(nil) // on etcd: etcd.Open([]string{"http://localhost:2379"}, nil)
	defer st.Close()
	r := registry.New(st, nil)
	defer r.Close(ctx)

	// The service, which is usually another process.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(l) }()
	defer server.Stop()
	_, err = r.Register(ctx, registry.Instance{
		Service: "orders", Endpoints: []registry.Endpoint{{Name: "grpc", Address: l.Addr().String()}},
	})
	if err != nil {
		log.Fatal(err)
	}

	// Its client.
	conn, err := grpc.NewClient("coord:///orders?endpoint=grpc",
		grpc.WithResolvers(grpcresolver.New(r, nil)),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	answer, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	fmt.Println(answer.GetStatus(), err)
	// Output: SERVING <nil>
}

// A balancer of your own finds in each endpoint what the instance has said of itself.
func ExampleFromEndpoint() {
	weights := func(endpoints []resolver.Endpoint) (weights []int) {
		for _, e := range endpoints {
			var info grpcresolver.Info
			info, _ = grpcresolver.FromEndpoint(e)
			weights = append(weights, info.Weight)
		}
		return weights
	}
	fmt.Println(weights(nil))
	// Output: []
}

// Filters choose the instances of all connections that the builder makes resolvers for; a target may choose further.
func ExampleOptions() {
	r := registry.New(memory.New(nil), nil)
	builder := grpcresolver.New(r, &grpcresolver.Options{Filters: []registry.Filter{registry.Not(registry.Tag("canary"))}})
	fmt.Println(builder.Scheme())
	// Output: coord
}
