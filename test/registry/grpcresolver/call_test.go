package grpcresolver

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/grpcresolver"
)

func TestCallsFollowTheInstances(t *testing.T) {
	l := newLive(t)
	a, b, c := serve(t), serve(t), serve(t)
	l.put(t, "a", a, nil)
	conn := dial(t, l.r)
	reach(t, conn, a)
	l.put(t, "b", b, nil)
	l.put(t, "c", c, nil)
	reach(t, conn, a, b, c)
	l.put(t, "b", b, func(i *registry.Instance) { i.Status = registry.Draining })
	reach(t, conn, a, c)
}

func TestDefaultPolicyOfGRPCWorks(t *testing.T) {
	l := newLive(t)
	a, b := serve(t), serve(t)
	l.put(t, "a", a, nil)
	conn := dial(t, l.r, grpc.WithDefaultServiceConfig("{}")) // pick_first
	reach(t, conn, a)
	l.put(t, "b", b, nil)
	l.put(t, "a", a, func(i *registry.Instance) { i.Status = registry.Draining })
	reach(t, conn, b)
}

func TestChangesOfWhatAnInstanceSaysKeepConnections(t *testing.T) {
	for policy, config := range map[string]string{
		"round_robin": `{"loadBalancingConfig":[{"round_robin":{}}]}`,
		"pick_first":  "{}",
	} {
		t.Run(policy, func(t *testing.T) {
			l := newLive(t)
			a, b, marker := serve(t), serve(t), serve(t)
			l.put(t, "a", a, nil)
			l.put(t, "b", b, nil)
			conn := dial(t, l.r, grpc.WithDefaultServiceConfig(config))
			for range 10 {
				_, err := call(t, conn, patience)
				require.NoError(t, err)
			}
			if policy == "round_robin" {
				reach(t, conn, a, b)
			}
			before := a.accepted.Load() + b.accepted.Load()
			for n := range 10 {
				l.put(t, "a", a, func(i *registry.Instance) {
					i.Weight, i.Zone, i.Metadata = n+1, "z", map[string]string{"k": string(rune('a' + n))}
				})
				_, err := call(t, conn, patience)
				require.NoError(t, err)
			}
			if policy == "round_robin" { // the changes before the marker have been told, too
				l.put(t, "marker", marker, nil)
				reach(t, conn, a, b, marker)
			}
			require.Equal(t, before, a.accepted.Load()+b.accepted.Load())
		})
	}
}

func TestCallInFlightOutlivesTheDrain(t *testing.T) {
	l := newLive(t)
	a, b := serve(t), serve(t)
	l.put(t, "a", a, nil)
	conn := dial(t, l.r)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stream, err := healthpb.NewHealthClient(conn).Watch(ctx, &healthpb.HealthCheckRequest{})
	require.NoError(t, err)
	_, err = stream.Recv()
	require.NoError(t, err)
	l.put(t, "b", b, nil)
	l.put(t, "a", a, func(i *registry.Instance) { i.Status = registry.Draining })
	for answers := 0; answers < 10; {
		require.NoError(t, ctx.Err())
		at, err := call(t, conn, time.Second)
		switch {
		case err != nil: // given to the connection when it began to drain; it waits there for the stream to end
			require.Equal(t, codes.DeadlineExceeded, status.Code(err), "%v", err)
		case at == b.address():
			answers++
		}
	}
	a.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	got, err := stream.Recv()
	require.NoError(t, err)
	require.Equal(t, healthpb.HealthCheckResponse_NOT_SERVING, got.Status)
}

func TestNoCallFailsWhenAnInstanceDrainsAndThenStops(t *testing.T) {
	l := newLive(t)
	a, b := serve(t), serve(t)
	l.put(t, "a", a, nil)
	l.put(t, "b", b, nil)
	conn := dial(t, l.r)
	reach(t, conn, a, b)
	stream, err := healthpb.NewHealthClient(conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	require.NoError(t, err)
	_, err = stream.Recv()
	require.NoError(t, err)
	var callers sync.WaitGroup
	stop := make(chan struct{})
	errs := make(chan error, 4)
	for range cap(errs) {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := call(t, conn, patience); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	l.put(t, "a", a, func(i *registry.Instance) { i.Status = registry.Draining })
	stopped := make(chan struct{})
	go func() { a.grpc.GracefulStop(); close(stopped) }()
	reach(t, conn, b)
	close(stop)
	callers.Wait()
	close(errs)
	require.NoError(t, <-errs)
	a.grpc.Stop() // the stream
	<-stopped
}

func TestCallFailsFastWithoutInstancesAndWaitsIfItWantsTo(t *testing.T) {
	l := newLive(t)
	a := serve(t)
	conn := dial(t, l.r)
	start := time.Now()
	_, err := call(t, conn, patience)
	require.Equal(t, codes.Unavailable, status.Code(err), "%v", err)
	require.Less(t, time.Since(start), patience/2)
	waits := make(chan error, 1)
	go func() {
		_, err := call(t, conn, patience, grpc.WaitForReady(true))
		waits <- err
	}()
	l.put(t, "a", a, nil)
	require.NoError(t, <-waits)
}

func TestCallFailsFastWithTheCauseWhileTheStoreFails(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	r := registry.New(intercept.Wrap(store, func(context.Context, intercept.Call, func(context.Context) error) error {
		return kv.ErrUnavailable
	}), nil)
	defer r.Close(context.Background())
	_, err := call(t, dial(t, r), patience)
	require.Equal(t, codes.Unavailable, status.Code(err), "%v", err)
	require.ErrorContains(t, err, `"orders"`)
	require.ErrorContains(t, err, kv.ErrUnavailable.Error())
}

func TestCallToNoTargetFailsFastWithTheCause(t *testing.T) {
	conn, err := grpc.NewClient("coord:///orders?endpont=grpc",
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithResolvers(grpcresolver.New(newLive(t).r, nil)))
	require.NoError(t, err)
	defer conn.Close()
	_, err = call(t, conn, patience)
	require.Equal(t, codes.Unavailable, status.Code(err), "%v", err)
	require.ErrorContains(t, err, "endpont")
}

func TestIdleConnectionIsBuiltAnewAndTheViewIsStillThere(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	cut := store.Connect()
	defer cut.Close()
	l := &live{store: store, r: registry.New(cut, &registry.Options{Debounce: -1, Linger: time.Hour})}
	defer l.r.Close(context.Background())
	a := serve(t)
	l.put(t, "a", a, nil)
	conn := dial(t, l.r, grpc.WithIdleTimeout(50*time.Millisecond))
	reach(t, conn, a)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for s := conn.GetState(); s != connectivity.Idle; s = conn.GetState() {
		require.True(t, conn.WaitForStateChange(ctx, s))
	}
	cut.SetConnected(false) // so what comes now was known
	reach(t, conn, a)
	require.Greater(t, a.accepted.Load(), int32(1), "it was idle")
}

// Readers take what they find in a record: what a hand has written there is its instance's misfortune, and nobody else's.
func TestInstanceThatCannotBeDialledHindersNobody(t *testing.T) {
	at := func(addresses ...string) func(i *registry.Instance) {
		return func(i *registry.Instance) {
			i.Endpoints = nil
			for _, a := range addresses {
				i.Endpoints = append(i.Endpoints, registry.Endpoint{Name: "grpc", Address: a})
			}
		}
	}
	l := newLive(t)
	a := serve(t)
	l.put(t, "empty", a, at(""))
	l.put(t, "nowhere", a, at("nowhere"))
	l.put(t, "none", a, at())
	l.put(t, "odd", a, at("", "[::", "a b:1", "127.0.0.1:99999", "passthrough:///x"))
	l.put(t, "same", a, at(a.address(), a.address()))
	l.put(t, "a", a, nil)
	conn := dial(t, l.r)
	for range 20 {
		_, err := call(t, conn, patience)
		require.NoError(t, err)
	}
}
