//go:build unix

package cli

import (
	"github.com/spf13/cobra"

	"github.com/coordkit/coord/primitives/session"
)

// jobFlags are the flags of a job, as they were typed.
type jobFlags struct {
	app             *app
	shell           bool
	wait, ttl, kill string
	noWait          bool
	conflict        int
	onLost          string
	statusFile      string
}

// add defines the flags on a command whose program runs under a thing: a lock, a leadership.
func (o *jobFlags) add(cmd *cobra.Command, thing string) {
	f := cmd.Flags()
	f.SetInterspersed(false) // what follows the name is the program's
	f.StringVarP(&o.wait, "wait", "w", "", "give up after this long (5s, 1m30s, or plain seconds); 0 is -n")
	f.BoolVarP(&o.noWait, "no-wait", "n", false, "give up at once if the "+thing+" is not free")
	f.IntVarP(&o.conflict, "conflict-exit-code", "E", exitNotAcquired, "exit code, 0 to 255, when the "+thing+" was not acquired")
	f.BoolVarP(&o.shell, "command", "c", false, "CMD is one text, which the shell runs")
	f.StringVar(&o.ttl, "ttl", "", "how long the "+thing+" outlives a coord that has died (default 15s)")
	f.StringVar(&o.kill, "kill-after", "",
		"time between TERM and KILL when the "+thing+" is lost (default a third of --ttl; a longer one raises --ttl)")
	f.StringVar(&o.onLost, "on-lost", "", "a command that the shell runs when the "+thing+" is lost")
	f.StringVar(&o.statusFile, "status-file", "", "tell in this file, as JSON, what became of it, apart from CMD's exit code")
	f.BoolVarP(&o.app.talk, "verbose", "v", false, "say what is done")
	// flock(1)'s other names.
	f.StringVar(&o.wait, "timeout", "", "is --wait")
	f.BoolVar(&o.noWait, "nonblock", false, "is --no-wait")
	f.BoolVar(&o.noWait, "nb", false, "is --no-wait")
	for _, name := range []string{"timeout", "nonblock", "nb"} {
		_ = f.MarkHidden(name)
	}
}

// wantsProgram refuses arguments that name a thing and no program to run under it.
func wantsProgram(thing string, args []string) error {
	if len(args) == 1 || len(args) == 2 && args[1] == "--" {
		return usageError("no command to run under %s %q", thing, args[0])
	}
	return nil
}

// program is what is to run: the arguments as they are; or a shell with one text, which -c asks for, before the name or behind it as
// flock(1) has it.
func (o *jobFlags) program(args []string) ([]string, error) {
	shell := o.shell
	switch args[0] {
	case "--": // SetInterspersed leaves it there
		args = args[1:]
	case "-c", "--command":
		shell, args = true, args[1:]
	}
	if !shell {
		return args, nil
	}
	if len(args) != 1 {
		return nil, usageError("-c takes one argument, the command for the shell, and got %d", len(args))
	}
	return []string{o.app.shell(), "-c", args[0]}, nil
}

// shell is the user's, as flock(1) finds it.
func (a *app) shell() string {
	if a.LookupEnv != nil {
		if shell, _ := a.LookupEnv("SHELL"); shell != "" {
			return shell
		}
	}
	return "/bin/sh"
}

// parse makes a job, which lacks its claim still, of the flags and of the name and what follows it.
func (o *jobFlags) parse(args []string) (*job, error) {
	j := &job{app: o.app, conflict: o.conflict, onLost: o.onLost, status: &status{path: o.statusFile, name: args[0]}}
	var err error
	if j.argv, err = o.program(args[1:]); err != nil {
		return nil, err
	}
	if o.conflict < 0 || o.conflict > 255 {
		return nil, usageError("--conflict-exit-code %d is not between 0 and 255", o.conflict)
	}
	if o.app.talk && o.app.quiet {
		return nil, usageError("--verbose is the opposite of --quiet")
	}
	return j, o.times(j)
}

// times reads the durations.
func (o *jobFlags) times(j *job) (err error) {
	j.wait, j.ttl = -1, session.DefaultTTL
	if o.wait != "" {
		if j.wait, err = seconds(o.wait); err != nil {
			return usageError("--wait %q: %w", o.wait, err)
		}
	}
	if o.noWait {
		j.wait = 0
	}
	if o.ttl != "" {
		if j.ttl, err = positive(o.ttl); err != nil {
			return usageError("--ttl %q: %w", o.ttl, err)
		}
	}
	j.kill = j.ttl / 3
	if o.kill != "" {
		if j.kill, err = positive(o.kill); err != nil {
			return usageError("--kill-after %q: %w", o.kill, err)
		}
		j.ttl = max(j.ttl, 3*j.kill)
	}
	return nil
}
