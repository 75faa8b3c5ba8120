//go:build unix

package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/coordkit/coord/cmd/coord/internal/top"
	"github.com/coordkit/coord/kv"
)

func newTopCmd(a *app) *cobra.Command {
	o := &topOptions{app: a}
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Watch locks, semaphores, elections and services on a full screen",
		Long: `Watch locks with their queues, semaphores, elections and services on a full screen. The store tells what changes; nothing is asked for
again and again but what is left of the leases on the screen, and every 2 seconds how long an answer takes.

Keys: q quits; tab, the arrows and 0 to 4 choose what is shown; s sorts by name, queue or age, r reverses; / filters by name, owner,
program and note, esc shows all; up, down, j, k, page up, page down, home and end move; enter shows and hides the details; ^L draws anew.

^Z gives the terminal back and stops it, also within coord run. A TSTP that is sent to it does so on Linux; elsewhere the screen stays until
it goes on. What --debug tells is left out while the screen is up, unless standard error is redirected (2>FILE).

With --once, on a dumb terminal, and where there is none, it prints what is there, once.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&o.once, "once", false, "print what is there, and exit")
	return cmd
}

type topOptions struct {
	app  *app
	once bool
}

func (o *topOptions) run(ctx context.Context) error {
	st, err := o.app.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	start, end := top.Range()
	bounded, cancel := context.WithTimeout(ctx, answerWithin)
	records, err := st.GetRange(bounded, start, end)
	cancel()
	if err != nil {
		return err
	}
	options := top.Options{
		Name: strings.Join(st.settings.Endpoints, ","), Lease: leaseOf(st), Columns: o.app.columns(), Colour: o.app.colours(), ASCII: o.app.ascii(),
	}
	if o.once || o.app.Screen == nil {
		_, err := fmt.Fprint(o.app.Out, top.Snapshot(ctx, records, options))
		return err
	}
	screen, err := o.app.Screen()
	if err != nil {
		return err
	}
	mute := &o.app.debugger.mute
	defer mute.Store(false)
	defer screen.Close()
	mute.Store(o.app.Live != nil && o.app.Live()) // what would be written to the same terminal would tear the screen
	sig, err := top.Run(ctx, st, records, screen, options)
	if err == nil && sig != 0 && sig != unix.SIGINT {
		return exit(128+int(sig), nil)
	}
	return err
}

// leaseOf asks for what is left of a lease, and, where the store is an etcd, for what it was granted.
func leaseOf(st kv.Storage) func(context.Context, kv.LeaseId) (left, granted time.Duration, err error) {
	if e, ok := kv.As[etcdStore](st); ok {
		return func(ctx context.Context, id kv.LeaseId) (left, granted time.Duration, err error) {
			resp, err := e.Client().TimeToLive(ctx, clientv3.LeaseID(id))
			if err != nil {
				return 0, 0, err
			}
			return time.Duration(resp.TTL) * time.Second, time.Duration(resp.GrantedTTL) * time.Second, nil
		}
	}
	return func(_ context.Context, id kv.LeaseId) (left, granted time.Duration, err error) {
		l, err := st.Lessor().GetLease(id)
		if err != nil {
			return 0, 0, err
		}
		return l.TTL(), 0, nil
	}
}

// colours says whether the terminal may be coloured: https://no-color.org.
func (a *app) colours() bool {
	v, _ := a.LookupEnv("NO_COLOR")
	return v == ""
}

// ascii says that the locale names another character set than UTF-8. One that names none, as C does, passes for UTF-8 only if it is not set
// at all.
func (a *app) ascii() bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v, _ := a.LookupEnv(name); v != "" {
			v = strings.ToLower(v)
			return !strings.Contains(v, "utf-8") && !strings.Contains(v, "utf8")
		}
	}
	return false
}

// stdScreen takes the terminal that standard input and output are, if they are one that a screen can be drawn on.
func stdScreen() func() (*top.Terminal, error) {
	if t := os.Getenv("TERM"); t == "" || t == "dumb" || !term.IsTerminal(int(os.Stdin.Fd())) || !term.IsTerminal(int(os.Stdout.Fd())) {
		return nil
	}
	return func() (*top.Terminal, error) { return top.Open(os.Stdin, os.Stdout) }
}
