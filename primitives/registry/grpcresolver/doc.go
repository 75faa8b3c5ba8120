// Package grpcresolver lets gRPC clients dial services of a registry by name:
//
//	conn, err := grpc.NewClient("coord:///orders?endpoint=grpc",
//		grpc.WithResolvers(grpcresolver.New(r, nil)),
//		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))
//
// # Targets
//
// The path of the target is the service's name, escaped as in any URL ([net/url.PathEscape]). The query chooses among its
// instances:
//
//   - endpoint: the name of the endpoints to dial; without it, the name of the instance's first endpoint
//   - tag: a tag that an instance must have; repeated, it must have them all
//   - zone, version: what an instance must have
//
// Any other key, a key without a value, and an authority (coord://host/…) are errors of the first call.
//
// # What the client is told
//
// Each instance that is Serving is one endpoint of gRPC's with all its addresses; one that drains goes from the list, and the
// calls it has are finished on the connection they are on. ID, zone, version and weight are attributes of the endpoint, see
// [FromEndpoint], for balancers. They are no part of an address, so an instance that changes its metadata keeps its
// connections; and a set that is the same is not told twice. Which TLS name a server must have never comes from the store: it
// is the service's name, unless the client says otherwise.
//
// A call that gRPC has given to a connection at the very moment when the instance began to drain may wait there for the calls
// that it has still to finish (seen with grpc-go 1.83.2 and a stream). It goes elsewhere, without an error, as soon as the
// server says that it ends: so drain, and then call GracefulStop.
//
// An outage of the store is not one of the service: as long as the view is stale nothing is told, and the client goes on with
// what it has. A service without instances that serve is told as one, so calls fail at once, and so they do when nothing at all
// is known: when the store fails, or has not answered for [Options.FailAfter]. Calls that wait for readiness wait, and go on by
// themselves when there is an instance.
//
// A connection that has been idle for long (30 minutes by default) drops its resolver, and builds another for the next call.
// What was known is still there if the registry's Linger is longer than the time between.
package grpcresolver
