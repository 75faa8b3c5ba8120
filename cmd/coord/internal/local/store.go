//go:build unix

package local

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// DefaultIdle is how long a server stays when nobody needs it.
const DefaultIdle = 10 * time.Minute

// openTimeout bounds Open when its ctx has no deadline.
const openTimeout = 10 * time.Second

// scheme starts the endpoints of sockets.
const scheme = "unix://"

// Options change how the local store is opened.
type Options struct {
	// Idle is how long a server that this process starts stays when nobody needs it; 0 means DefaultIdle.
	Idle time.Duration
}

// Store is a client's hold on the local store: while it is open, the server does not leave for idleness, and the dialer
// starts another one whenever there is none. Its methods are safe for concurrent use.
type Store struct {
	paths layout
	idle  time.Duration

	mu      sync.Mutex
	closed  bool     // guarded by mu, as all below
	use     *os.File // flock use, shared
	first   net.Conn // made by Open, for the first call of the dialer
	path    string   // socket last connected to
	started bool     // whether this process has started a server
	reaps   []int    // pids of servers that this process started and has not reaped
}

// Open takes a share in the local store and connects to its server, which it starts if there is none. It waits for that
// until ctx ends, at most 10 s if ctx has no deadline. Every error is an *Error; when ctx ended, it wraps ctx.Err().
//
// With COORD_LOCAL=off in the environment it returns Config.
func Open(ctx context.Context, opts *Options) (*Store, error) {
	if err := allowed(); err != nil {
		return nil, err
	}
	if opts == nil {
		opts = &Options{}
	}
	paths, err := locate()
	if err != nil {
		return nil, err
	}
	s := &Store{paths: paths, idle: opts.Idle}
	if s.idle == 0 {
		s.idle = DefaultIdle
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, openTimeout)
		defer cancel()
	}
	s.first, err = s.dial(ctx)
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func allowed() error {
	switch v := os.Getenv("COORD_LOCAL"); v {
	case "", "on":
		return nil
	case "off":
		return misconfigured(nil, "forbidden by COORD_LOCAL=off, and no endpoint is configured")
	default:
		return misconfigured(nil, "COORD_LOCAL=%q: it must be on or off", v)
	}
}

// Endpoint returns the address of the socket last connected to, "unix:///path": a name that etcdctl understands too. After
// a restart of the server it may be another one; the dialer knows.
func (s *Store) Endpoint() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return scheme + s.path
}

// Dialer returns the function that connects to the server wherever it is now, and starts one if there is none, until its
// ctx ends; the address is ignored. Its errors are of type *Error. It fails with net.ErrClosed after Close.
func (s *Store) Dialer() func(ctx context.Context, addr string) (net.Conn, error) {
	return func(ctx context.Context, _ string) (net.Conn, error) {
		s.mu.Lock()
		conn := s.first
		s.first = nil
		s.mu.Unlock()
		if conn != nil {
			return conn, nil
		}
		return s.dial(ctx)
	}
}

// DialOptions returns what a gRPC client of the store needs: the dialer, and short pauses between attempts, for this
// server is close and a new one is ready in about a tenth of a second.
func (s *Store) DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithContextDialer(s.Dialer()),
		grpc.WithNoProxy(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: 20 * time.Second,
		}),
	}
}

// Started tells whether this process had to start a server.
func (s *Store) Started() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.started
}

// Notice returns the one line that tells the user what the command fell back to.
func (s *Store) Notice() string {
	how := "using"
	if s.Started() {
		how = "started"
	}
	return how + " the local store, which serves this user on this host only; set COORD_ENDPOINTS to use a cluster"
}

// Close gives up the share in the store; connections made by the dialer stay the caller's to close, and should be closed
// before. Further calls do nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.reapLocked()
	var errs []error
	if s.first != nil {
		errs = append(errs, s.first.Close())
		s.first = nil
	}
	if s.use != nil {
		errs = append(errs, s.use.Close())
	}
	return errors.Join(errs...)
}

// reapLocked takes note of servers that this process started and that have ended, so that they do not stay zombies for as
// long as this process lives.
func (s *Store) reapLocked() {
	s.reaps = slices.DeleteFunc(s.reaps, func(pid int) bool {
		reaped, err := unix.Wait4(pid, nil, unix.WNOHANG, nil)
		return reaped == pid || errors.Is(err, unix.ECHILD)
	})
}

// share takes flock use, shared, unless this store has it already. A state directory that was removed and made again is
// another store: its flock is another one too.
func (s *Store) share(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reapLocked()
	switch {
	case s.closed:
		return unavailable(net.ErrClosed, "closed")
	case s.use != nil && sameFile(s.use, s.paths.use()):
		return nil
	}
	if err := s.paths.create(); err != nil {
		return err
	}
	f, err := lock(ctx, s.paths.use(), unix.LOCK_SH)
	switch {
	case err != nil && ctx.Err() != nil:
		return unavailable(err, "the server that is just leaving does not let go of %s", s.paths.use())
	case err != nil:
		return misconfigured(err, "cannot lock in the state directory; set XDG_STATE_HOME to another place")
	}
	if s.use != nil {
		s.use.Close()
	}
	s.use = f
	// For the server, which looks at the flock only now and then: somebody was here.
	now := time.Now()
	_ = os.Chtimes(s.paths.use(), now, now)
	return nil
}

// Running returns the endpoint of the local store's server if one is answering. It starts none, creates nothing and takes no share, so the
// server may leave at any time. Where the local store is forbidden there is none.
func Running(ctx context.Context) (endpoint string, ok bool) {
	paths, err := locate()
	if err != nil || allowed() != nil {
		return "", false
	}
	s := &Store{paths: paths}
	conn, err := s.connect(ctx)
	if err != nil {
		return "", false
	}
	_ = conn.Close()
	return s.Endpoint(), true
}

// SocketOf returns the path of the socket that an endpoint of a local store names.
func SocketOf(endpoint string) string { return strings.TrimPrefix(endpoint, scheme) }

// IsLocalEndpoint tells whether endpoint is the socket of this user's local store, so that a command run by another one
// (to which COORD_ENDPOINTS was handed) should open the store with Open rather than dial the socket. It starts nothing.
func IsLocalEndpoint(endpoint string) bool {
	path, ok := strings.CutPrefix(endpoint, "unix:")
	if !ok {
		return false
	}
	path = strings.TrimPrefix(path, "//")
	paths, err := locate()
	if err != nil || !filepath.IsAbs(path) {
		return false
	}
	path = filepath.Clean(path)
	if now, err := paths.readPointer(); err == nil && path == now {
		return true
	}
	// The server may have left, and the next one may listen elsewhere.
	name, err := paths.socketName()
	return err == nil && filepath.Base(path) == name
}
