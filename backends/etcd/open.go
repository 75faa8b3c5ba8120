package etcd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/coordkit/coord/kv"
)

// The connection's own probes, which find a peer that is gone without a word. A server refuses probes more often
// than every five seconds, and gRPC itself those below ten.
const (
	probeTime    = 10 * time.Second
	probeTimeout = 3 * time.Second
)

// reconnect is how a lost connection is dialled again. gRPC's own default waits one second first and up to two minutes
// later, which is longer than most leases live.
var reconnect = backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 2 * time.Second}

// New returns a storage on a client that stays the caller's: Close leaves it open, and it must be closed after
// the storage. New does no I/O. A client that is nil, or made without a connection, is a programming error and panics; an
// invalid option is [kv.ErrInvalid] from every call.
//
// The storage uses the client's connection with its credentials and interceptors, but not what may have been put in place of
// the client's KV, Watcher and Lease fields. Give the client the endpoints of all members, [DialOptions], and DialKeepAliveTime and
// DialKeepAliveTimeout, as [Open] does: without them a peer that vanishes silently is found by nobody.
func New(client *clientv3.Client, opts *Options) *Storage {
	if client == nil || client.ActiveConnection() == nil {
		panic("etcd: New needs a client with a connection")
	}
	return newStorage(client, false, opts)
}

// Open returns a storage with a client of its own for the endpoints, which Close closes. An endpoint is host:port,
// http(s)://host:port or unix(s)://path. One connection serves them all: one without a scheme gets that of the others, and http beside https is
// refused.
//
// Open dials in the background and returns at once, so a store that is down is reported by the first call. Only with a
// user name it asks for a token first, within the dial timeout, and returns what that call returned. It fails with
// [kv.ErrInvalid] if an endpoint or an option cannot be used.
func Open(endpoints []string, opts *Options) (*Storage, error) {
	endpoints, o, err := check(endpoints, opts)
	if err != nil {
		return nil, err
	}
	dial := append(DialOptions(),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect, MinConnectTimeout: o.DialTimeout}))
	if o.TLS != nil && o.TLS.ServerName != "" {
		// gRPC checks certificates for the authority, which etcd's client takes from the endpoint, and passes over this name.
		dial = append(dial, grpc.WithAuthority(o.TLS.ServerName))
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints:            endpoints,
		DialTimeout:          o.DialTimeout,
		DialKeepAliveTime:    probeTime,
		DialKeepAliveTimeout: probeTimeout,
		PermitWithoutStream:  false,
		TLS:                  o.TLS,
		Username:             o.Username,
		Password:             o.Password,
		Logger:               zap.NewNop(),
		DialOptions:          append(dial, o.DialOptions...),
	})
	if err != nil {
		return nil, fmt.Errorf("etcd: open: %w", openError(err))
	}
	return newStorage(client, true, &o), nil
}

// check returns the endpoints as they are dialled, and the options with their defaults, if they can be used.
func check(endpoints []string, opts *Options) ([]string, Options, error) {
	o, err := opts.resolved()
	if err != nil {
		return nil, o, fmt.Errorf("etcd: open: %w", err)
	}
	endpoints, sec, err := checkEndpoints(endpoints)
	if err != nil {
		return nil, o, fmt.Errorf("etcd: open: %w", err)
	}
	if sec == plain && o.TLS != nil {
		i := slices.IndexFunc(endpoints, func(ep string) bool { return strings.HasPrefix(ep, "http:") })
		return nil, o, fmt.Errorf("etcd: open: %w: TLS is configured, but endpoint %q is plain http", kv.ErrInvalid, endpoints[i])
	}
	return endpoints, o, nil
}

// openError names what the first sign-in failed with.
func openError(err error) error {
	if transient(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: signing in: %w", kv.ErrUnavailable, err)
	}
	return named(err)
}
