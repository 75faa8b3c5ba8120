//go:build unix

package cli

import (
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/primitives/election"
)

func newElectCmd(a *app) *cobra.Command {
	o := &electOptions{jobFlags: jobFlags{app: a}}
	cmd := &cobra.Command{
		Use:   "elect [flags] NAME [--] CMD [ARGS...]",
		Short: "Run a program only while leader",
		Long: `Stand for election under NAME, run CMD while leading, and exit with its exit code: the leadership is given back with CMD's end. One leads
at a time. With --restart coord stands again when CMD has ended or the leadership was lost, until a signal ends it; if CMD does not last,
after pauses that grow. An election called observe needs -- before its name.

While coord runs, CMD is dead before anybody else can lead: when the leadership is lost, or when the store is out of reach for so long
that it will be, CMD's process group gets TERM, and KILL before the lease is over. Signals sent to coord go to the group. The command of
--on-lost is run by the shell at that moment, with CMD's environment and COORD_LOST, which says why; it has the time of --kill-after. With
-c, before NAME or behind it, CMD is one text for the shell ($SHELL, else /bin/sh).

CMD finds in its environment COORD_ELECTION_NAME, COORD_ELECTION_TERM (1, 2, 3, … for people), COORD_ELECTION_TOKEN (a number that grows
with each leader: what CMD writes to can refuse lower ones), COORD_ELECTION_ID, COORD_ELECTION_KEY, COORD_ELECTION_LEASE
(hexadecimal), COORD_ENDPOINTS and ETCDCTL_ENDPOINTS.
` + statusHelp + `

Exit codes: CMD's own, 128+n if signal n killed it; 64 usage; 69 store unreachable; 75 not elected (-E changes it); 76 leadership lost;
78 configuration; 125 coord failed; 126 CMD not executable; 127 CMD not found.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError("which election, and which command?")
			}
			return wantsProgram("election", args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			j, err := o.job(args)
			if err != nil {
				return err
			}
			return j.run(cmd.Context())
		},
	}
	o.add(cmd, "leadership")
	f := cmd.Flags()
	f.StringVar(&o.claim.id, "id", "", "name to stand under (default host and process)")
	f.StringVar(&o.claim.value, "value", "", "what the leader shows to those who observe: an address, say")
	f.IntVar(&o.claim.priority, "priority", 0, "be elected before all who stand with a lower one")
	f.StringVar(&o.claim.note, "note", "", "a remark that others see beside the leader or candidate")
	f.BoolVar(&o.restart, "restart", false, "stand again when CMD has ended or the leadership was lost")
	f.StringVar(&o.delay, "restart-delay", "", "longest pause before that, doubled up to 30s while CMD lasts less than 10s (default 1s)")
	cmd.AddCommand(newElectObserveCmd(a))
	return cmd
}

// restartDelay is the pause before standing again, unless another was asked for.
const restartDelay = time.Second

type electOptions struct {
	jobFlags
	claim   leadClaim
	restart bool
	delay   string
}

// job checks what the flags and arguments say.
func (o *electOptions) job(args []string) (*job, error) {
	if err := election.ValidateName(args[0]); err != nil {
		return nil, exit(exitUsage, err)
	}
	if o.claim.id != "" {
		if err := election.ValidateName(o.claim.id); err != nil {
			return nil, usageError("--id: %w", err)
		}
	}
	if err := checkNote(o.claim.note); err != nil {
		return nil, err
	}
	switch {
	case len(o.claim.value) > election.MaxValueLen || !utf8.ValidString(o.claim.value):
		return nil, usageError("--value must be valid UTF-8 of at most %d bytes", election.MaxValueLen)
	case o.restart && (o.noWait || o.wait != ""):
		return nil, usageError("--restart waits as often and as long as it takes: it goes with neither --wait nor --no-wait")
	case o.delay != "" && !o.restart:
		return nil, usageError("--restart-delay needs --restart")
	}
	j, err := o.parse(args)
	if err != nil {
		return nil, err
	}
	j.restart, j.delay = o.restart, restartDelay
	if o.delay != "" {
		if j.delay, err = positive(o.delay); err != nil {
			return nil, usageError("--restart-delay %q: %w", o.delay, err)
		}
	}
	o.claim.name = args[0]
	j.claim = &o.claim
	return j, nil
}
