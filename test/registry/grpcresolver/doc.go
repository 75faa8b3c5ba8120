// Package grpcresolver tests primitives/registry/grpcresolver: what gRPC is told and when, on fake time; and what its clients
// get, with servers on the loopback.
package grpcresolver
