//go:build !nolocal

package devserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/version"
	"go.etcd.io/etcd/server/v3/config"
	"go.etcd.io/etcd/server/v3/etcdserver"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3rpc"
	"google.golang.org/grpc"

	_ "github.com/coordkit/coord/cmd/coord/internal/devserver/unmetered" // every command would pay for metrics that nobody reads
)

// Linked tells whether this program contains the server.
const Linked = true

// Version is the version of the etcd linked into this program.
var Version = version.Version

// Server is a running etcd. Its methods are safe for concurrent use.
type Server struct {
	endpoint string
	listener *listener
	etcd     *etcdserver.EtcdServer
	grpc     *grpc.Server
	serving  sync.WaitGroup
	closing  sync.Once
	report
}

// report is what the parts of a server tell its owner.
type report struct {
	muted    atomic.Bool  // set before etcd is stopped
	version  atomic.Value // string: the storage version that etcd complained about
	failed   chan struct{}
	failOnce sync.Once
	err      error // written before failed is closed
}

// Start starts a server and waits until it serves. It returns ErrInvalid for bad options, a *NewerDataError for data it is
// too old for, and otherwise etcd's own words.
//
// When ctx ends first, or etcd stops half way, Start returns, but what etcd has begun cannot be called back: the process
// should end soon after an error, and must not try the same directory again.
func Start(ctx context.Context, opts *Options) (*Server, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	// Created here with a closed mode: etcd would log a warning for an open one and go on.
	if err := os.MkdirAll(opts.DataDir, 0o700); err != nil {
		return nil, err
	}
	l, advertised, endpoint, err := listen(opts)
	if err != nil {
		return nil, err
	}
	s := &Server{endpoint: endpoint, listener: l, report: report{failed: make(chan struct{})}}
	out := opts.Logger
	if out == nil {
		out = slog.New(slog.DiscardHandler)
	}
	log := newLogger(&logCore{out: out, muted: &s.muted, version: &s.version}, s.fail)
	if s.etcd, err = s.boot(ctx, serverConfig(opts, advertised, log)); err == nil && opts.Socket != "" {
		err = os.Rename(provisional(opts.Socket), opts.Socket)
	}
	if err != nil {
		l.shut()
		return nil, err
	}
	s.grpc = v3rpc.Server(s.etcd, nil, nil, grpcOptions()...)
	s.serving.Go(s.serve)
	s.serving.Go(s.watch)
	return s, nil
}

// boot returns etcd when it is ready.
func (r *report) boot(ctx context.Context, cfg config.ServerConfig) (*etcdserver.EtcdServer, error) {
	// On a goroutine of its own: an entry logged as fatal stops it for good, and the error must still get out.
	type result struct {
		etcd *etcdserver.EtcdServer
		err  error
	}
	booted := make(chan result, 1)
	go func() {
		etcd, err := r.open(cfg)
		booted <- result{etcd, err}
	}()
	var got result
	select {
	case got = <-booted:
	case <-r.failed:
		got.err = r.err
	case <-ctx.Done():
		got.err = ctx.Err()
	}
	if got.err != nil {
		return nil, got.err
	}
	select {
	case <-got.etcd.ReadyNotify():
		return got.etcd, nil
	case <-r.failed:
		return nil, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// open opens the data and starts etcd on it; a plain panic becomes an error.
func (r *report) open(cfg config.ServerConfig) (etcd *etcdserver.EtcdServer, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("etcd panicked on the data: %v", p)
		}
	}()
	if err := checkLog(cfg.DataDir, cfg.Logger); err != nil {
		return nil, err
	}
	etcd, err = etcdserver.NewServer(cfg)
	if err != nil {
		logged, _ := r.version.Load().(string)
		return nil, newer(err, logged)
	}
	etcd.Start()
	return etcd, nil
}

// serve answers clients until the server is closed.
func (s *Server) serve() {
	if err := s.grpc.Serve(s.listener); err != nil {
		s.fail(fmt.Errorf("etcd stopped serving: %w", err))
	}
}

// watch turns an etcd that stops by itself into a failure.
func (s *Server) watch() {
	<-s.etcd.StopNotify()
	s.fail(errors.New("etcd stopped"))
}

// fail records the first error that ends the server, unless it is being closed.
func (r *report) fail(err error) {
	if r.muted.Load() {
		return
	}
	r.failOnce.Do(func() {
		r.err = err
		close(r.failed)
	})
}

// Endpoint returns the address for clients: "unix:///path" or "host:port".
func (s *Server) Endpoint() string { return s.endpoint }

// Revision returns the store's revision, which every applied write raises; etcd's own compactions do not.
func (s *Server) Revision() int64 { return s.etcd.KV().Rev() }

// Leases returns how many leases the store has. It fails when the store's users have been given passwords, for then
// etcd tells nobody without one.
func (s *Server) Leases(ctx context.Context) (int, error) {
	resp, err := s.etcd.LeaseLeases(ctx, &etcdserverpb.LeaseLeasesRequest{})
	if err != nil {
		return 0, err
	}
	return len(resp.Leases), nil
}

// Failed is closed when the server can no longer serve, for another reason than Close. The process should end then.
func (s *Server) Failed() <-chan struct{} { return s.failed }

// Err returns why the server failed, and nil before Failed is closed.
func (s *Server) Err() error {
	select {
	case <-s.failed:
		return s.err
	default:
		return nil
	}
}

// Close cuts all connections, stops etcd and waits for it; the data is complete on disk then. It does not wait for a
// server that has failed, parts of which may hang for good. The socket at Options.Socket is left to the caller: by now it
// might be another server's. Further calls do nothing.
func (s *Server) Close() error {
	s.closing.Do(func() {
		s.muted.Store(true)
		s.listener.shut()
		if s.Err() != nil {
			return
		}
		s.grpc.Stop()
		s.etcd.Stop()
		s.serving.Wait()
	})
	return nil
}
