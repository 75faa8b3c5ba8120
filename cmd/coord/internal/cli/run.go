//go:build unix

package cli

import (
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/primitives/mutex"
)

func newRunCmd(a *app) *cobra.Command {
	o := &runOptions{jobFlags: jobFlags{app: a}}
	cmd := &cobra.Command{
		Use:   "run [flags] LOCK [--] CMD [ARGS...]",
		Short: "Run a program while holding a lock",
		Long: `Run CMD while holding LOCK, and exit with its exit code. One holds it at a time, first come, first served; with --shared, all who read
hold it together. With --slots N up to N hold one of the slots of that name, which is no lock: it excludes none of the same name.

CMD is a program with its arguments. With -c, before LOCK or behind it as in flock(1), it is one text for the shell ($SHELL, else /bin/sh):
coord run LOCK -c 'make | tee log'.

While coord runs, CMD is dead before anybody else can hold the lock: when the lock is lost, or when the store is out of reach for so
long that it will be, CMD's process group gets TERM, and KILL before the lease is over. Signals sent to coord go to the group. The
command of --on-lost is run by the shell at that moment, beside CMD's end and with CMD's environment and COORD_LOST, which says why; it has
the time of --kill-after.

CMD finds in its environment COORD_LOCK_NAME, COORD_LOCK_TOKEN (a number that grows with each holder: what CMD writes to can refuse lower
ones; under --slots, where several hold at once, it refuses nothing rightly), COORD_LOCK_KEY, COORD_LOCK_LEASE (hexadecimal),
COORD_ENDPOINTS and ETCDCTL_ENDPOINTS.
` + statusHelp + `

Exit codes: CMD's own, 128+n if signal n killed it; 64 usage; 69 store unreachable; 75 not acquired (-E changes it); 76 lock lost;
78 configuration; 125 coord failed; 126 CMD not executable; 127 CMD not found.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError("which lock, and which command?")
			}
			return wantsProgram("lock", args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			j, err := o.job(cmd, args)
			if err != nil {
				return err
			}
			return j.run(cmd.Context())
		},
	}
	o.add(cmd, "lock")
	f := cmd.Flags()
	f.BoolVarP(&o.shared, "shared", "s", false, "hold it together with others who share it: a read lock")
	f.BoolVarP(&o.exclusive, "exclusive", "x", false, "hold it alone; the default")
	f.Int64Var(&o.slots, "slots", 0, "hold one of so many slots of that name")
	f.BoolVar(&o.resize, "resize", false, "with --slots: change how many there are, for everybody")
	f.StringVar(&o.note, "note", "", "a remark that others see beside the holder")
	return cmd
}

type runOptions struct {
	jobFlags
	shared, exclusive bool
	slots             int64
	resize            bool
	note              string
}

// maxNote is the longest note in bytes: it is a remark, and stored with each attempt.
const maxNote = 4096

func checkNote(note string) error {
	if len(note) > maxNote || !utf8.ValidString(note) {
		return usageError("--note must be valid UTF-8 of at most %d bytes", maxNote)
	}
	return nil
}

// job checks what the flags and arguments say.
func (o *runOptions) job(cmd *cobra.Command, args []string) (*job, error) {
	name, slots := args[0], cmd.Flags().Changed("slots")
	if err := mutex.ValidateName(name); err != nil {
		return nil, exit(exitUsage, err)
	}
	if err := checkNote(o.note); err != nil {
		return nil, err
	}
	switch {
	case slots && o.slots <= 0:
		return nil, usageError("--slots %d is not positive", o.slots)
	case slots && o.shared:
		return nil, usageError("--slots and --shared are two things: N hold a slot, or all readers a lock")
	case o.exclusive && (slots || o.shared):
		return nil, usageError("--exclusive is the opposite of --shared and --slots")
	case o.resize && !slots:
		return nil, usageError("--resize needs --slots, the number to change to")
	}
	j, err := o.parse(args)
	if err != nil {
		return nil, err
	}
	j.claim = &lockClaim{name: name, note: o.note, shared: o.shared}
	if slots {
		j.claim = &slotClaim{name: name, note: o.note, slots: o.slots, resize: o.resize}
	}
	return j, nil
}
