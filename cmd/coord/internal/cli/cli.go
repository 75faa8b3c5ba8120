//go:build unix

// Package cli is the command coord: one file for each subcommand, in which newXCmd turns flags into options and runX does the work on
// them.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/backends/etcd"
)

// IO is what the command reads from and writes to: data to Out, messages to Err.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
	// LookupEnv reads the environment.
	LookupEnv func(string) (string, bool)
	// Terminal says that In and Err are a person's.
	Terminal bool
}

// app is what subcommands share.
type app struct {
	IO
	flags etcd.Settings // as given on the command line
	quiet bool          // say nothing but errors
}

// say writes a message. What others have stored, such as a note, cannot move the cursor or colour the terminal with it.
func (a *app) say(format string, args ...any) {
	fmt.Fprint(a.Err, plain(fmt.Sprintf(format, args...)))
}

// Main runs the command with its arguments, without the program's name, and returns the exit code.
func Main(ctx context.Context, args []string, std IO) int {
	a := &app{IO: std}
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(std.In)
	root.SetOut(std.Out)
	root.SetErr(std.Err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	other := exitUnavailable
	var e *exitError
	if cmd.Name() == "run" {
		other = exitFailed
	}
	if errors.As(err, &e) && e.err == nil {
		return e.code
	}
	a.say("coord: %v\n", err)
	code := codeOf(err, other)
	if code == exitUsage {
		fmt.Fprintf(std.Err, "usage: %s\n", cmd.UseLine())
	}
	return code
}

func newRoot(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "coord",
		Short: "Run programs under a distributed lock, and see who holds what",
		Long: `coord runs programs under a distributed lock and shows who holds what, on etcd.

Settings come from flags, then from COORD_ENDPOINTS, COORD_CACERT, COORD_CERT, COORD_KEY, COORD_USER, COORD_PASSWORD,
COORD_INSECURE_SKIP_TLS_VERIFY and COORD_DIAL_TIMEOUT, then from the same names with ETCDCTL_. With no endpoint configured, coord uses a
real etcd of this user on this host, which it starts when it is needed: like flock it excludes processes of this host only. It never falls
back to it when an endpoint is configured, and COORD_LOCAL=off forbids it.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError("unknown command %q", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exit(exitUsage, err) })
	cmd.CompletionOptions.HiddenDefaultCmd = true
	f := cmd.PersistentFlags()
	f.StringSliceVar(&a.flags.Endpoints, "endpoints", nil, "etcd's addresses, separated by commas")
	f.StringVar(&a.flags.CACert, "cacert", "", "check servers' certificates against the ones in this file")
	f.StringVar(&a.flags.Cert, "cert", "", "this client's TLS certificate file")
	f.StringVar(&a.flags.Key, "key", "", "this client's TLS key file")
	f.BoolVar(&a.flags.InsecureSkipVerify, "insecure-skip-tls-verify", false, "accept any server certificate")
	f.StringVar(&a.flags.User, "user", "", "user name[:password]")
	f.StringVar(&a.flags.Password, "password", "", "password")
	f.DurationVar(&a.flags.DialTimeout, "dial-timeout", 0, "how long to wait for a connection (default 4s)")
	cmd.AddCommand(newRunCmd(a), newLockCmd(a), newDevCmd(a), newVersionCmd(a))
	return cmd
}

// Std is the process's own IO.
func Std(terminal bool) IO {
	return IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, LookupEnv: os.LookupEnv, Terminal: terminal}
}

// exactArgs is cobra.ExactArgs as a usage error of ours.
func exactArgs(n int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError("want %d argument(s), got %d", n, len(args))
		}
		return nil
	}
}
