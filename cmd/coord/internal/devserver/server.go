//go:build !nolocal

package devserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/version"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"google.golang.org/grpc"
)

// Linked tells whether this program contains the server.
const Linked = true

// Version is the version of the etcd linked into this program.
var Version = version.Version

// portTries bounds how often a free port is looked for again after another process took it first.
const portTries = 5

// Server is a running etcd. Its methods are safe for concurrent use.
type Server struct {
	endpoint string
	muted    atomic.Bool  // set before etcd is closed
	version  atomic.Value // string: the storage version that etcd complained about
	failed   chan struct{}
	failOnce sync.Once
	err      error // written before failed is closed

	etcd    *embed.Etcd // set before Start returns
	watcher sync.WaitGroup
	closing sync.Once

	mu    sync.Mutex
	grpcs []*grpc.Server // guarded by mu
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
	for try := 1; ; try++ {
		s, err := start(ctx, opts)
		taken := errors.Is(err, syscall.EADDRINUSE) && strings.HasSuffix(opts.Listen, ":0")
		if !taken || try == portTries {
			return s, err
		}
	}
}

func start(ctx context.Context, opts *Options) (*Server, error) {
	at, advertised, endpoint, err := addresses(opts)
	if err != nil {
		return nil, err
	}
	s := &Server{endpoint: endpoint, failed: make(chan struct{})}
	out := opts.Logger
	if out == nil {
		out = slog.New(slog.DiscardHandler)
	}
	log := newLogger(&logCore{out: out, muted: &s.muted, version: &s.version}, s.fail)
	cfg := config(opts, at, advertised, log, s.register)

	// On a goroutine of its own: an entry logged as fatal stops it for good, and the error must still get out.
	started := make(chan error, 1)
	go func() { started <- s.run(cfg, log) }()
	select {
	case err = <-started:
	case <-s.failed:
		err = s.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	select {
	case <-s.etcd.Server.ReadyNotify():
	case <-s.failed:
		return nil, s.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if opts.Socket != "" {
		if err := os.Rename(at.Path, opts.Socket); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	s.watcher.Go(s.watch)
	return s, nil
}

// run starts etcd; a plain panic becomes an error.
func (s *Server) run(cfg *embed.Config, log *zap.Logger) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("etcd panicked on the data: %v", p)
		}
	}()
	if err := checkLog(cfg.Dir, log); err != nil {
		return err
	}
	s.etcd, err = embed.StartEtcd(cfg)
	logged, _ := s.version.Load().(string)
	return newer(err, logged)
}

// watch turns an etcd that stops by itself into a failure. It ends when etcd has been closed.
func (s *Server) watch() {
	for {
		select {
		case err, ok := <-s.etcd.Err():
			if !ok {
				return
			}
			if err != nil {
				s.fail(fmt.Errorf("etcd stopped serving: %w", err))
			}
		case <-s.etcd.Server.StopNotify():
			s.fail(errors.New("etcd stopped"))
			for range s.etcd.Err() { // drained, and closed by Close
			}
			return
		}
	}
}

// fail records the first error that ends the server, unless it is being closed.
func (s *Server) fail(err error) {
	if s.muted.Load() {
		return
	}
	s.failOnce.Do(func() {
		s.err = err
		close(s.failed)
	})
}

// register gets hold of each gRPC server that etcd makes, so that Close can cut connections.
func (s *Server) register(g *grpc.Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grpcs = append(s.grpcs, g)
}

// Endpoint returns the address for clients: "unix:///path" or "host:port".
func (s *Server) Endpoint() string { return s.endpoint }

// Revision returns the store's revision, which every applied write raises; etcd's own compactions do not.
func (s *Server) Revision() int64 { return s.etcd.Server.KV().Rev() }

// Leases returns how many leases the store has. It fails when the store's users have been given passwords, for then
// etcd tells nobody without one.
func (s *Server) Leases(ctx context.Context) (int, error) {
	resp, err := s.etcd.Server.LeaseLeases(ctx, &etcdserverpb.LeaseLeasesRequest{})
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
		if s.Err() != nil {
			return
		}
		s.mu.Lock()
		// Otherwise etcd waits up to 5 s for streams that their clients never end.
		for _, g := range s.grpcs {
			g.Stop()
		}
		s.mu.Unlock()
		s.etcd.Close()
		s.watcher.Wait()
	})
	return nil
}
