//go:build unix

package cli

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/instrument"
	"github.com/coordkit/coord/kv/intercept"
)

// told returns st with each call told of, if there is debugging.
func (a *app) told(st kv.Storage) kv.Storage {
	if !a.debugging() {
		return st
	}
	return toldStore{instrument.Wrap(st, a.hook), st}
}

// hook tells of a call when it ends, and of one that lasts until something happens also when it begins. It never sees a value.
func (a *app) hook(_ context.Context, c intercept.Call) (context.Context, instrument.End) {
	about := []any{"op", c.Op}
	if c.Key != "" || c.End != "" {
		about = append(about, "key", string(c.Key))
	}
	if c.End != "" {
		about = append(about, "end", string(c.End))
	}
	if c.Version != 0 {
		about = append(about, "version", int64(c.Version))
	}
	if c.Lease != kv.NoLeaseId {
		about = append(about, "lease", leaseID(c.Lease).String())
	}
	if c.Op == intercept.OpWait || c.Op == intercept.OpWatchRange {
		a.debug("call begins", about...)
	}
	return nil, func(err error, took time.Duration) {
		about := append(about, "took", took)
		if err != nil {
			about = append(about, "err", err)
		}
		a.debug("call", about...)
	}
}

// toldStore is a storage whose calls are told of. What an etcd can beyond the contract goes to it directly.
type toldStore struct {
	*intercept.Storage
	under kv.Storage
}

// As gives the capabilities of the storage beneath.
func (s toldStore) As(target any) bool {
	if t, ok := target.(*etcdStore); ok {
		*t, ok = kv.As[etcdStore](s.under)
		return ok
	}
	return s.Storage.As(target)
}

// openEtcd opens a storage on etcd, and tells of its connections.
func (a *app) openEtcd(s etcd.Settings, opts *etcd.Options) (*etcd.Storage, error) {
	if !a.debugging() {
		return s.Open(opts)
	}
	var o etcd.Options
	if opts != nil {
		o = *opts
	}
	o.Logger = a.logger()
	o.DialOptions = append(o.DialOptions[:len(o.DialOptions):len(o.DialOptions)], grpc.WithStatsHandler(connections{a}))
	began := time.Now()
	a.debug("dial", "endpoints", s.Endpoints, "timeout", s.DialTimeout)
	st, err := s.Open(&o)
	if err != nil {
		a.debug("not opened", "took", time.Since(began), "err", err)
	}
	return st, err
}

// connections tells of connections that come to be and end. What one that cannot be made fails of is the call's error that needs it.
type connections struct{ a *app }

type connectionKey struct{}

// TagConn implements stats.Handler.
func (connections) TagConn(ctx context.Context, info *stats.ConnTagInfo) context.Context {
	return context.WithValue(ctx, connectionKey{}, info.RemoteAddr.String())
}

// HandleConn implements stats.Handler.
func (c connections) HandleConn(ctx context.Context, s stats.ConnStats) {
	to, _ := ctx.Value(connectionKey{}).(string)
	switch s.(type) {
	case *stats.ConnBegin:
		c.a.debug("connected", "to", to)
	case *stats.ConnEnd:
		c.a.debug("connection ended", "to", to)
	}
}

// TagRPC implements stats.Handler.
func (connections) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleRPC implements stats.Handler.
func (connections) HandleRPC(context.Context, stats.RPCStats) {}
