//go:build unix

package cli

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/cmd/coord/internal/child"
	"github.com/coordkit/coord/primitives/registry"
)

func newServiceRegisterCmd(a *app) *cobra.Command {
	o := &registerOptions{app: a}
	cmd := &cobra.Command{
		Use:   "register NAME [flags] [-- CMD [ARGS...]]",
		Short: "Register an instance of a service for as long as a program runs",
		Long: `Register an instance of the service NAME for as long as CMD runs, and exit with its exit code. Without CMD, print the instance's ID and keep
it registered until interrupted.

The registration is no lock. When the store is out of reach, or has lost the instance, CMD goes on, and the instance comes back as soon as
it can. What befalls it is told on standard error (-q: not).

TERM and INT make the instance drain: clients turn away from it; once they can know, and --drain-for is over, CMD gets the signal, and the
instance leaves when CMD has ended. A second one is passed on at once, and so are all other signals. A signal that CMD gets from elsewhere, as
by ^C at a terminal, is not waited with. If coord dies, CMD is killed (Linux), and the instance goes when --ttl is over.

It is registered before CMD is started. With --check, which is run by the shell again and again, it is "starting" until that has succeeded
once, and "not_serving" after it has failed three times in a row. The check's last words are shown if they decide something.

CMD and the check find in their environment COORD_SERVICE_NAME, COORD_SERVICE_ID, COORD_ENDPOINTS and ETCDCTL_ENDPOINTS.

Exit codes: CMD's own, 128+n if signal n killed it; 0 without CMD; 64 usage; 69 store unreachable at first; 75 another instance has the ID;
78 configuration; 125 coord failed; 126 CMD not executable; 127 CMD not found.`,
		Args: func(cmd *cobra.Command, args []string) error {
			dash := cmd.ArgsLenAtDash()
			switch {
			case len(args) == 0 || dash == 0:
				return usageError("which service?")
			case dash > 1 || dash < 0 && len(args) > 1:
				return usageError("%q: a command goes behind --", args[1])
			case dash == 1 && len(args) == 1:
				return usageError("no command behind --")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.parse(cmd, args); err != nil {
				return err
			}
			signals, stop := child.Notify(child.All)
			defer stop()
			return o.run(cmd.Context(), signals)
		},
	}
	o.addFlags(cmd)
	return cmd
}

// registerOptions are an instance to register, and how.
type registerOptions struct {
	app      *app
	instance registry.Instance
	argv     []string // of the program; none: until interrupted
	registry registry.Options
	drainFor time.Duration
	check    string // for the shell; empty: none

	endpoints, meta        []string
	ttl, every, drain, dup string
}

func (o *registerOptions) addFlags(cmd *cobra.Command) {
	f, i := cmd.Flags(), &o.instance
	f.StringVar(&i.ID, "id", "", "what tells the instance from others of the service (default: random)")
	f.StringArrayVar(&o.endpoints, "endpoint", nil,
		"where it is reached: [NAME=][SCHEME://]HOST:PORT, without HOST an address of this host; may be repeated")
	f.StringVar(&i.Zone, "zone", "", "where it runs")
	f.StringVar(&i.Version, "version", "", "the program's version")
	f.IntVar(&i.Weight, "weight", registry.DefaultWeight, "its share of the work, relative to the others'")
	f.StringArrayVar(&i.Tags, "tag", nil, "a word to choose it by; may be repeated")
	f.StringArrayVar(&o.meta, "meta", nil, "KEY=VALUE, whatever else clients should know; may be repeated")
	f.StringVar(&o.ttl, "ttl", "", "how long the instance outlives a coord that has died (default 15s)")
	f.StringVar(&o.check, "check", "", "a command for the shell that succeeds while the instance can work")
	f.StringVar(&o.every, "check-every", "", "time between two checks, and how long one may take (default 5s)")
	f.StringVar(&o.drain, "drain-for", "", "how long the instance drains before CMD is asked to end (default 0)")
	f.StringVar(&o.dup, "on-duplicate", "fail",
		"if another has the ID: fail; wait, at most twice --ttl, for it to go; or replace it")
	f.BoolVarP(&o.app.talk, "verbose", "v", false, "say what is done")
}

// parse reads what the flags and arguments say, and checks the instance.
func (o *registerOptions) parse(cmd *cobra.Command, args []string) error {
	o.instance.Service, o.argv = args[0], args[1:]
	if cmd.Flags().Changed("id") && o.instance.ID == "" {
		return usageError("--id is empty")
	}
	if cmd.Flags().Changed("weight") && o.instance.Weight == 0 {
		return usageError("--weight 0: an instance that is to get no work drains: coord service drain")
	}
	for _, text := range o.endpoints {
		e, err := endpoint(text)
		if err != nil {
			return usageError("--endpoint %q: %w", text, err)
		}
		o.instance.Endpoints = append(o.instance.Endpoints, e)
	}
	if err := o.metadata(); err != nil {
		return err
	}
	if o.app.talk && o.app.quiet {
		return usageError("--verbose is the opposite of --quiet")
	}
	if err := o.instance.Validate(); err != nil {
		return exit(exitUsage, err)
	}
	return o.settings()
}

// endpoint reads [NAME=][SCHEME://]HOST:PORT. What is wrong with the address is for the instance's own check to find.
func endpoint(text string) (registry.Endpoint, error) {
	var e registry.Endpoint
	if name, rest, ok := strings.Cut(text, "="); ok {
		e.Name, text = name, rest
	}
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		e.Scheme, text = scheme, rest
	}
	e.Address = text
	if host, _, err := net.SplitHostPort(text); err != nil || host != "" {
		return e, nil
	}
	listener, err := net.ResolveTCPAddr("tcp", text)
	if err == nil {
		e.Address, err = registry.Advertise(listener)
	}
	return e, err
}

func (o *registerOptions) metadata() error {
	for _, pair := range o.meta {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return usageError("--meta %q: want KEY=VALUE", pair)
		}
		if _, again := o.instance.Metadata[key]; again {
			return usageError("--meta %s is given twice", key)
		}
		if o.instance.Metadata == nil {
			o.instance.Metadata = make(map[string]string)
		}
		o.instance.Metadata[key] = value
	}
	return nil
}

var onDuplicate = []string{registry.Fail: "fail", registry.WaitExpiry: "wait", registry.Replace: "replace"}

// settings reads the durations and what becomes of the registry's own options.
func (o *registerOptions) settings() error {
	for _, d := range []struct {
		flag, text string
		to         *time.Duration
		read       func(string) (time.Duration, error)
	}{
		{"--ttl", o.ttl, &o.registry.TTL, positive}, {"--drain-for", o.drain, &o.drainFor, seconds},
	} {
		if d.text == "" {
			continue
		}
		var err error
		if *d.to, err = d.read(d.text); err != nil {
			return usageError("%s %q: %w", d.flag, d.text, err)
		}
	}
	policy := slices.Index(onDuplicate, o.dup)
	if policy < 0 {
		return usageError("--on-duplicate %q: want %s", o.dup, strings.Join(onDuplicate, ", "))
	}
	o.registry.OnDuplicate = registry.DuplicatePolicy(policy)
	switch {
	case o.check == "" && o.every != "":
		return usageError("--check-every needs --check")
	case o.check == "":
		return nil
	}
	c := &registry.Check{}
	if o.every != "" {
		var err error
		if c.Every, err = positive(o.every); err != nil {
			return usageError("--check-every %q: %w", o.every, err)
		}
	}
	o.registry.Check = c // what it runs is known once there is an environment
	o.instance.Status = registry.Starting
	return nil
}

// what names the instance in messages.
func (o *registerOptions) what() string {
	return fmt.Sprintf("instance %q of service %q", o.instance.ID, o.instance.Service)
}
