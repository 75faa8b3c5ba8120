//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/cmd/coord/internal/child"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

type runOptions struct {
	app      *app
	lock     string
	args     []string
	wait     time.Duration // negative: for ever
	conflict int
	ttl      time.Duration
	kill     time.Duration
	note     string
}

func newRunCmd(a *app) *cobra.Command {
	var wait, ttl, kill string
	var noWait bool
	o := &runOptions{app: a}
	cmd := &cobra.Command{
		Use:   "run [flags] LOCK [--] CMD [ARGS...]",
		Short: "Run a program while holding a lock",
		Long: `Run CMD while holding LOCK, and exit with its exit code. One holds it at a time, first come, first served.

While coord runs, CMD is dead before anybody else can hold the lock: when the lock is lost, or when the store is out of reach for so
long that it will be, CMD's process group gets TERM, and KILL before the lease is over. Signals sent to coord go to the group.

CMD finds in its environment COORD_LOCK_NAME, COORD_LOCK_TOKEN (a number that grows with each holder: what CMD writes to can refuse lower
ones), COORD_LOCK_KEY, COORD_LOCK_LEASE (hexadecimal), COORD_ENDPOINTS and ETCDCTL_ENDPOINTS.

Exit codes: CMD's own, 128+n if signal n killed it; 64 usage; 69 store unreachable; 75 not acquired (-E changes it); 76 lock lost;
78 configuration; 125 coord failed; 126 CMD not executable; 127 CMD not found.`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usageError("which lock, and which command?")
			case len(args) == 1 || len(args) == 2 && args[1] == "--":
				return usageError("no command to run under lock %q", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.lock, o.args = args[0], args[1:]
			if o.args[0] == "--" {
				o.args = o.args[1:]
			}
			if err := o.parse(wait, noWait, ttl, kill); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.SetInterspersed(false) // what follows LOCK is CMD's
	f.StringVarP(&wait, "wait", "w", "", "give up after this long (5s, 1m30s, or plain seconds); 0 is -n")
	f.BoolVarP(&noWait, "no-wait", "n", false, "give up at once if the lock is not free")
	f.IntVarP(&o.conflict, "conflict-exit-code", "E", exitNotAcquired, "exit code, 0 to 255, when the lock was not acquired")
	f.StringVar(&ttl, "ttl", "", "how long the lock outlives a coord that has died (default 15s)")
	f.StringVar(&kill, "kill-after", "", "time between TERM and KILL when the lock is lost (default a third of --ttl; a longer one raises --ttl)")
	f.StringVar(&o.note, "note", "", "a remark that others see beside the holder")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "say nothing but errors")
	return cmd
}

// maxNote is the longest note in bytes: it is a remark, and stored with each attempt.
const maxNote = 4096

// parse checks what the flags say.
func (o *runOptions) parse(wait string, noWait bool, ttl, kill string) (err error) {
	if err := mutex.ValidateName(o.lock); err != nil {
		return exit(exitUsage, err)
	}
	if len(o.note) > maxNote || !utf8.ValidString(o.note) {
		return usageError("--note must be valid UTF-8 of at most %d bytes", maxNote)
	}
	if o.conflict < 0 || o.conflict > 255 {
		return usageError("--conflict-exit-code %d is not between 0 and 255", o.conflict)
	}
	o.wait = -1
	if wait != "" {
		if o.wait, err = seconds(wait); err != nil {
			return usageError("--wait %q: %w", wait, err)
		}
	}
	if noWait {
		o.wait = 0
	}
	o.ttl = session.DefaultTTL
	if ttl != "" {
		if o.ttl, err = positive(ttl); err != nil {
			return usageError("--ttl %q: %w", ttl, err)
		}
	}
	o.kill = o.ttl / 3
	if kill != "" {
		if o.kill, err = positive(kill); err != nil {
			return usageError("--kill-after %q: %w", kill, err)
		}
		o.ttl = max(o.ttl, 3*o.kill)
	}
	return nil
}

// seconds reads a duration as Go or, a plain number, as flock(1) writes it.
func seconds(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if n, e := strconv.ParseFloat(s, 64); e == nil {
		d, err = time.Duration(n*float64(time.Second)), nil
		if n > float64(maxDuration)/float64(time.Second) || n != n {
			return 0, errors.New("too long")
		}
	}
	switch {
	case err != nil:
		return 0, errors.New("want a duration such as 5s, or seconds")
	case d < 0:
		return 0, errors.New("must not be negative")
	}
	return d, nil
}

// maxDuration is the longest time that anything is given: a hundred years.
const maxDuration = 100 * 365 * 24 * time.Hour

func positive(s string) (time.Duration, error) {
	d, err := seconds(s)
	switch {
	case err != nil:
		return 0, err
	case d == 0:
		return 0, errors.New("must be positive")
	case d > maxDuration/100:
		return 0, errors.New("longer than a year")
	}
	return d, nil
}

func (o *runOptions) run(ctx context.Context) (err error) {
	path, err := child.Look(o.args[0])
	if err != nil {
		return err
	}
	// One channel for the whole run, so that no signal falls between two: until the child is to be started a signal ends the wait, and
	// whatever is held by then is given back; from then on it is the child's.
	signals, stop := child.Notify(child.All)
	defer stop()
	ctx, childsTurn := interruptible(ctx, signals)
	defer childsTurn()

	st, err := o.app.open(ctx)
	if err != nil {
		return interrupted(ctx, err)
	}
	defer st.Close()
	s := session.New(st, &session.Options{
		TTL: o.ttl, Margin: o.kill, Owner: session.Owner{Program: o.args[0]},
	})
	lost := false
	defer func() {
		// One call gives everything back. After a loss the lease is not worth waiting for: the store may be out of reach.
		bound := closeWithin
		if lost {
			bound = 100 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bound)
		defer cancel()
		if e := s.Close(ctx); e != nil && err == nil && !lost {
			fmt.Fprintf(o.app.Err, "coord: the lock is given back when its lease of %v runs out: %v\n", o.ttl, e)
		}
	}()
	held, err := o.acquire(ctx, st, s)
	if err != nil {
		return interrupted(ctx, err)
	}

	childsTurn()
	if ctx.Err() != nil {
		return interrupted(ctx, ctx.Err())
	}
	c, err := child.Start(child.Spec{Path: path, Args: o.args, Env: environment(os.Environ(), o.lock, st.settings, held)})
	if err != nil {
		return err
	}
	lost = child.Supervise(c, hold{held, s}, signals, child.Limits{Grace: o.kill, Last: max(100*time.Millisecond, o.ttl/20)})
	switch {
	case lost:
		return exit(exitLost, fmt.Errorf("lock %q was lost, and the command was ended: %w", o.lock, held.Err()))
	case c.Code() != 0:
		return exit(c.Code(), nil)
	}
	return nil
}

// closeWithin bounds how long the end of coord waits for the store.
const closeWithin = 5 * time.Second

// hold is what the child runs under.
type hold struct {
	*mutex.Held
	s *session.Session
}

// Broken implements child.Hold.
func (h hold) Broken() bool { return h.Err() != nil && h.s.LeaseID() == h.Lease() }
