//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/cmd/coord/internal/child"
	"github.com/coordkit/coord/cmd/coord/internal/devserver"
)

func newDevCmd(a *app) *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "dev [flags] [[--] CMD [ARGS...]]",
		Short: "Run a store of its own for development, and CMD on it",
		Long: `Run a store of its own: a real etcd in a temporary directory, without fsync, which is gone when coord dev ends. It listens for the
users of this host (--listen), without authentication.

With CMD it runs that with COORD_ENDPOINTS and ETCDCTL_ENDPOINTS set, ends with it and exits with its exit code. Without, it prints the
endpoint on a line of its own and serves until it is interrupted.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && args[0] == "--" {
				args = args[1:]
			}
			return runDev(cmd.Context(), a, listen, args)
		},
	}
	cmd.Flags().SetInterspersed(false)
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "address to listen on; port 0 is any free one")
	return cmd
}

func runDev(ctx context.Context, a *app, listen string, args []string) (err error) {
	var path string
	if len(args) > 0 {
		if path, err = child.Look(args[0]); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "coord-dev-")
	if err != nil {
		return exit(exitFailed, err)
	}
	defer os.RemoveAll(dir)
	server, err := devserver.Start(ctx, &devserver.Options{
		DataDir: filepath.Join(dir, "etcd"), Listen: listen, NoSync: true, Logger: logger(a.Err),
	})
	switch {
	case errors.Is(err, devserver.ErrInvalid):
		return exit(exitUsage, err)
	case errors.Is(err, devserver.ErrNotLinked):
		return exit(exitConfig, err)
	case err != nil:
		return exit(exitUnavailable, err)
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if len(args) == 0 {
		return serveDev(a, server)
	}

	signals, stop := child.Notify(child.All)
	defer stop()
	c, err := child.Start(child.Spec{Path: path, Args: args, Env: devEnvironment(os.Environ(), server.Endpoint())})
	if err != nil {
		return err
	}
	child.Supervise(c, child.Unbound, signals, child.Limits{})
	if c.Code() != 0 {
		return exit(c.Code(), nil)
	}
	return nil
}

// serveDev serves until a signal comes, or the server fails.
func serveDev(a *app, server *devserver.Server) error {
	signals, stop := child.Notify(child.Ending)
	defer stop()
	if _, err := fmt.Fprintln(a.Out, server.Endpoint()); err != nil {
		return err
	}
	select {
	case <-signals:
		return nil
	case <-server.Failed():
		return exit(exitUnavailable, server.Err())
	}
}

// devEnvironment is base with the server's endpoint in place of any settings for another one.
func devEnvironment(base []string, endpoint string) []string {
	var env []string
	for _, e := range base {
		if !strings.HasPrefix(e, "COORD_") && !strings.HasPrefix(e, "ETCDCTL_") {
			env = append(env, e)
		}
	}
	return append(env, "COORD_ENDPOINTS="+endpoint, "ETCDCTL_ENDPOINTS="+endpoint)
}

// logger shows what goes wrong in the server.
func logger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelError}))
}
