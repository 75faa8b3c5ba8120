//go:build unix

// Package dev is what `coord dev` does: a store of its own, a real etcd in a temporary directory, without fsync and without
// authentication, for as long as the command, or the program it runs, lasts.
package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/cmd/coord/internal/child"
	"github.com/coordkit/coord/cmd/coord/internal/devserver"
	"github.com/coordkit/coord/cmd/coord/internal/local"
)

// DefaultListen is any free port, for the users of this host.
const DefaultListen = "127.0.0.1:0"

// Exit codes that Run returns beside those of the program it runs, and those of package child.
const (
	Usage       = 64 // the address cannot be listened on by anybody
	Unavailable = 69 // the server did not start, or failed
	Config      = 78 // no server in this build, and none configured
	Failed      = 125
)

// grace is how long a program whose store has failed has to end.
const grace = 5 * time.Second

// handedOn marks the environment of a server program that was started by a coord without one.
const handedOn = "COORD_DEV_HANDED_ON"

// Options say what to run.
type Options struct {
	Listen  string    // an IP address or localhost, and a port; "" means DefaultListen
	Command []string  // a program and its arguments; none: serve until a signal comes or ctx ends
	Out     io.Writer // gets the endpoint, on a line of its own, if there is no program
	Err     io.Writer // gets what etcd logs as errors
}

// Run runs the store, and the program on it, and removes the data when it ends. It returns the exit code for the command:
// the program's own, if there is one (with COORD_ENDPOINTS and ETCDCTL_ENDPOINTS set), 0 after a signal or the end of ctx
// if there is none; and an error only if something other than the program failed.
//
// While the program runs, the signals that this process gets go to it, and the end of ctx is a TERM for it. If the server
// fails, it gets TERM, KILL after 5 s, and Run returns Unavailable. In a build with the tag nolocal the coord that
// local.ExternalServer names takes over this process.
func Run(ctx context.Context, opts *Options) (int, error) {
	if !devserver.Linked {
		return handOn(opts)
	}
	var program string
	if len(opts.Command) > 0 {
		var err error
		if program, err = child.Look(opts.Command[0]); err != nil {
			return lookCode(err), err
		}
	}
	// Before anything is made that a signal would leave behind.
	listen := child.Ending
	if program != "" {
		listen = child.All
	}
	signals, stop := child.Notify(listen)
	defer stop()

	dir, err := os.MkdirTemp("", "coord-dev-")
	if err != nil {
		return Failed, err
	}
	defer os.RemoveAll(dir)
	server, code, err := start(ctx, signals, dir, opts)
	if server == nil {
		return code, err
	}
	defer server.Close()
	if program == "" {
		return serve(ctx, signals, server, opts.Out)
	}
	return run(ctx, signals, server, child.Spec{
		Path: program, Args: opts.Command, Env: environment(os.Environ(), server.Endpoint()),
	})
}

// start starts the server, unless a signal comes first: then it returns no server, and the code a shell would tell.
func start(ctx context.Context, signals <-chan os.Signal, dir string, opts *Options) (*devserver.Server, int, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		server *devserver.Server
		err    error
	}
	started := make(chan result, 1)
	go func() {
		listen := opts.Listen
		if listen == "" {
			listen = DefaultListen
		}
		server, err := devserver.Start(ctx, &devserver.Options{
			DataDir: filepath.Join(dir, "etcd"), Listen: listen, NoSync: true,
			Logger: slog.New(slog.NewTextHandler(opts.Err, &slog.HandlerOptions{Level: slog.LevelError})),
		})
		started <- result{server, err}
	}()
	for {
		select {
		case r := <-started:
			switch {
			case r.err == nil:
				return r.server, 0, nil
			case errors.Is(r.err, devserver.ErrInvalid):
				return nil, Usage, r.err
			default:
				return nil, Unavailable, fmt.Errorf("cannot start a store: %w", r.err)
			}
		case s := <-signals:
			if n, ok := ending(s); ok {
				cancel()
				if r := <-started; r.server != nil {
					r.server.Close()
				}
				return nil, 128 + n, nil
			}
		}
	}
}

// ending tells whether s asks a program to end, and its number.
func ending(s os.Signal) (int, bool) {
	for _, e := range child.Ending {
		if s == e {
			return int(e), true
		}
	}
	return 0, false
}

// serve serves until a signal comes, ctx ends or the server fails.
func serve(ctx context.Context, signals <-chan os.Signal, server *devserver.Server, out io.Writer) (int, error) {
	if _, err := fmt.Fprintln(out, server.Endpoint()); err != nil {
		return Failed, err
	}
	select {
	case <-signals:
		return 0, nil
	case <-ctx.Done():
		return 0, nil
	case <-server.Failed():
		return Unavailable, server.Err()
	}
}

// run runs the program for as long as it lasts, or the server does.
func run(ctx context.Context, signals <-chan os.Signal, server *devserver.Server, spec child.Spec) (int, error) {
	c, err := child.Start(spec)
	if err != nil {
		return lookCode(err), err
	}
	stop := context.AfterFunc(ctx, func() { c.Signal(unix.SIGTERM) })
	defer stop()
	if child.Supervise(c, hold{server}, signals, child.Limits{Grace: grace}) {
		return Unavailable, fmt.Errorf("the store failed: %w", server.Err())
	}
	return c.Code(), nil
}

// hold lets a program run for as long as the server works. It is never a matter of time.
type hold struct{ server *devserver.Server }

var _ child.Hold = hold{}

func (h hold) Done() <-chan struct{}   { return h.server.Failed() }
func (h hold) Err() error              { return h.server.Err() }
func (h hold) ValidFor() time.Duration { return 0 }
func (h hold) Broken() bool            { return true }

func lookCode(err error) int {
	var look *child.LookError
	if errors.As(err, &look) {
		return look.Code
	}
	return Failed
}

// environment is env with the endpoint in place of all settings for another store.
func environment(env []string, endpoint string) []string {
	kept := make([]string, 0, len(env)+2)
	for _, kv := range env {
		if !strings.HasPrefix(kv, "COORD_") && !strings.HasPrefix(kv, "ETCDCTL_") {
			kept = append(kept, kv)
		}
	}
	return append(kept, "COORD_ENDPOINTS="+endpoint, "ETCDCTL_ENDPOINTS="+endpoint)
}

// handOn replaces this process by a coord that has a server.
func handOn(opts *Options) (int, error) {
	if os.Getenv(handedOn) != "" {
		return Config, fmt.Errorf("the program that COORD_SERVER or PATH names as the server: %w", devserver.ErrNotLinked)
	}
	program, err := local.ExternalServer()
	if err != nil {
		return Config, err
	}
	args := []string{program, "dev"}
	if opts.Listen != "" {
		args = append(args, "--listen", opts.Listen)
	}
	if len(opts.Command) > 0 {
		args = append(append(args, "--"), opts.Command...)
	}
	err = unix.Exec(program, args, append(os.Environ(), handedOn+"=1"))
	return Config, &os.PathError{Op: "exec", Path: program, Err: err}
}
