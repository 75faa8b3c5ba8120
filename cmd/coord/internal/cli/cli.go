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
	"os/user"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/cmd/coord/internal/child"
	"github.com/coordkit/coord/cmd/coord/internal/top"
	"github.com/coordkit/coord/kv"
)

// IO is what the command reads from and writes to: data to Out, messages to Err.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
	// LookupEnv reads the environment.
	LookupEnv func(string) (string, bool)
	// Home is the user's home directory, where the environment does not tell. Nil: there is none.
	Home func() string
	// Terminal says that In and Err are a person's.
	Terminal bool
	// Columns is how wide the terminal is that Out is, or 0 if it is none. Nil is none.
	Columns func() int
	// Store is used instead of the configured store, and left open, if it is not nil.
	Store kv.Storage
	// Live says whether Err is a terminal on which a line may be redrawn now; nil: it is not.
	Live func() bool
	// Screen takes the terminal as a whole; nil: there is none, or none that can do it.
	Screen func() (*top.Terminal, error)
}

// app is what subcommands share.
type app struct {
	IO
	flags       etcd.Settings // as given on the command line
	contextName string        // likewise
	global      *pflag.FlagSet
	found       *effective // the settings, once they were asked for
	quiet       bool       // say nothing but errors
	talk        bool       // say what is done
	debugger    debugger
}

// say writes a message. What others have stored, such as a note, cannot move the cursor or colour the terminal with it.
func (a *app) say(format string, args ...any) {
	fmt.Fprint(a.Err, plain(fmt.Sprintf(format, args...)))
}

// verbose writes a message that only -v asks for, or --debug.
func (a *app) verbose(format string, args ...any) {
	if a.talk {
		a.say("coord: "+format+"\n", args...)
		return
	}
	if a.debugging() {
		a.debug("step", "text", fmt.Sprintf(format, args...))
	}
}

// Main runs the command with its arguments, without the program's name, and returns the exit code.
func Main(ctx context.Context, args []string, std IO) int {
	std.Out, std.Err = pipeWriter{std.Out}, &whole{w: std.Err}
	a := &app{IO: std}
	root := newRoot(a)
	if completing(args) {
		a.addCompletions(root)
	}
	root.SetArgs(args)
	root.SetIn(std.In)
	root.SetOut(std.Out)
	root.SetErr(std.Err)
	cmd, err := root.ExecuteContextC(ctx)
	code := a.end(cmd, err)
	a.debug("end", "code", code)
	return code
}

// end tells of the error that a command ended with, and returns the exit code.
func (a *app) end(cmd *cobra.Command, err error) int {
	if err == nil || errors.Is(err, errReaderGone) {
		return 0
	}
	var e *exitError
	if errors.As(err, &e) && e.err == nil {
		return e.code
	}
	a.say("coord: %s\n", explain(err))
	code := codeOf(err, exitFailed)
	if code == exitUsage {
		fmt.Fprintf(a.Err, "usage: %s\n", cmd.UseLine())
	}
	return code
}

func newRoot(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "coord",
		Short: "Run programs under a distributed lock, and see who holds what",
		Long: `coord runs programs under a distributed lock and shows who holds what, on etcd.

Settings come from flags, from the environment or from a context; coord help environment tells which of them counts. With no endpoint
configured, coord uses a real etcd of this user on this host, which it starts when it is needed: like flock it excludes processes of this
host only. It never falls back to it when an endpoint is configured, and COORD_LOCAL=off forbids it.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError("unknown command %q", args[0])
			}
			return nil
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.setDebug(cmd) },
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return exit(exitUsage, err) })
	cmd.CompletionOptions.DisableDefaultCmd = true
	f := cmd.PersistentFlags()
	a.global = f
	f.StringVar(&a.contextName, "context", "", "use the settings of this context; none: of no context")
	f.StringSliceVar(&a.flags.Endpoints, "endpoints", nil, "etcd's addresses, separated by commas")
	f.StringVar(&a.flags.CACert, "cacert", "", "check servers' certificates against the ones in this file")
	f.StringVar(&a.flags.Cert, "cert", "", "this client's TLS certificate file")
	f.StringVar(&a.flags.Key, "key", "", "this client's TLS key file")
	f.StringVar(&a.flags.ServerName, "server-name", "", "the name that servers' certificates are for, if not the endpoint's host")
	f.BoolVar(&a.flags.InsecureSkipVerify, "insecure-skip-tls-verify", false, "accept any server certificate")
	f.StringVar(&a.flags.User, "user", "", "user name[:password]")
	f.StringVar(&a.flags.Password, "password", "", "password")
	f.DurationVar(&a.flags.DialTimeout, "dial-timeout", 0, "how long to wait for a connection (default 4s)")
	f.BoolVar(&a.debugger.asked, "debug", false, "tell on standard error, line by line, what coord does; no secrets are in it")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "say nothing but errors")
	cmd.AddCommand(
		newRunCmd(a), newElectCmd(a),
		newLockCmd(a), newSemaphoreCmd(a), newElectionCmd(a), newServiceCmd(a), newKVCmd(a), newLeaseCmd(a), newTopCmd(a),
		newContextCmd(a), newDevCmd(a), newDoctorCmd(a), newCompletionCmd(a), newVersionCmd(a),
	)
	cmd.AddCommand(topics()...)
	cmd.SetHelpCommand(newHelpCmd())
	return cmd
}

// Std is the process's own IO. From then on output to a closed pipe does not end the process.
func Std(terminal bool) IO {
	outlivePipes()
	live := func() bool { return os.Getenv("TERM") != "dumb" && child.Foreground(os.Stderr) }
	return IO{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, LookupEnv: os.LookupEnv, Home: accountHome,
		Terminal: terminal, Columns: stdoutColumns, Live: live, Screen: stdScreen(),
	}
}

// accountHome is the user's home directory by the list of users: cron and services may run without HOME.
func accountHome() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.HomeDir
}

// stdoutColumns is the width of the terminal that the process's standard output is.
func stdoutColumns() int {
	columns, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0
	}
	return columns
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

// Tree returns the commands for who documents them. They do nothing: they have no store, and nowhere to write to.
func Tree() *cobra.Command {
	root := newRoot(&app{})
	root.InitDefaultHelpCmd()
	return root
}
