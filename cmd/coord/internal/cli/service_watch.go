//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
)

func newServiceWatchCmd(a *app) *cobra.Command {
	o := &serviceWatchOptions{app: a}
	cmd := &cobra.Command{
		Use:   "watch NAME",
		Short: "Tell which instances a service has, and each change",
		Long: `Tell which instances the service NAME has, as its clients see them, and then each that joins, changes or leaves, a line for each, until
interrupted. A slow reader is told what is different and not each step to it.

A line "health" says how far that can be relied on: "live"; or "stale" when the store has not been heard of for 25 seconds, and the last set is
served on. When most instances vanish without a farewell, as in a fault of the store or the network, they are shown, held, for 30 seconds.

With -o jsonl each line is a JSON object.`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args[0]
			if err := registry.ValidateService(o.name); err != nil {
				return exit(exitUsage, err)
			}
			if o.format != "text" && o.format != "jsonl" {
				return usageError("--output %q: want text or jsonl", o.format)
			}
			return a.withStore(cmd.Context(), maxDuration, o.run)
		},
	}
	cmd.Flags().StringVarP(&o.format, "output", "o", "text", "text or jsonl")
	return cmd
}

type serviceWatchOptions struct {
	app    *app
	name   string
	format string
}

// The events of service watch.
const (
	eventHealth  = "health"
	eventJoined  = "joined"
	eventChanged = "changed"
	eventLeft    = "left"
)

// serviceEventView is a change of a service, or of what is known of it.
type serviceEventView struct {
	Event      string        `json:"event"`
	Name       string        `json:"name"`
	At         time.Time     `json:"at"`
	Health     string        `json:"health"`
	Instances  int           `json:"instances"`
	Unreadable int           `json:"unreadable"`
	Error      string        `json:"error,omitempty"`
	Instance   *instanceView `json:"instance,omitempty"`
}

// run tells what a view shows. The first look bounds how long a store that has never answered is waited for, and finds one that refuses.
func (o *serviceWatchOptions) run(ctx context.Context, st kv.Storage) (err error) {
	r := registry.New(st, nil)
	defer func() { err = errors.Join(err, r.Close(context.WithoutCancel(ctx))) }()
	first, cancel := context.WithTimeout(ctx, answerWithin)
	_, err = r.Inspect(first, o.name)
	cancel()
	if err != nil {
		return unavailable(ctx, err)
	}
	var was *registry.Snapshot
	for now, err := range r.Watch(ctx, o.name) {
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		if err := o.tell(was, now); err != nil {
			return err
		}
		was = now
	}
	return nil
}

// tell writes how now came out of was, which is nil at first.
func (o *serviceWatchOptions) tell(was, now *registry.Snapshot) error {
	var b strings.Builder
	if was == nil || was.Health != now.Health || len(was.Bad) != len(now.Bad) {
		if err := o.event(&b, now, eventHealth, nil); err != nil {
			return err
		}
	}
	d := now.Diff(was)
	joined := eventJoined
	if was == nil {
		joined = eventPresent
	}
	for _, part := range []struct {
		event     string
		instances []*registry.Instance
	}{{joined, d.Added}, {eventChanged, d.Changed}, {eventLeft, d.Removed}} {
		for _, i := range part.instances {
			if err := o.event(&b, now, part.event, i); err != nil {
				return err
			}
		}
	}
	_, err := o.app.Out.Write([]byte(b.String()))
	return err
}

func (o *serviceWatchOptions) event(b *strings.Builder, s *registry.Snapshot, event string, i *registry.Instance) error {
	v := serviceEventView{
		Event: event, Name: o.name, At: s.At, Health: s.Health.String(), Instances: len(s.Instances), Unreadable: len(s.Bad),
	}
	if s.Err != nil {
		v.Error = s.Err.Error()
	}
	if i != nil {
		view := newInstanceView(i)
		v.Instance = &view
	}
	if o.format == "jsonl" {
		line, err := encodeJSON(v, "")
		b.Write(line)
		return err
	}
	fmt.Fprintln(b, cell(v.String()))
	return nil
}

// String is the event as a line of text.
func (v serviceEventView) String() string {
	line := fmt.Sprintf("%s  %-7s  ", v.At.Local().Format(time.TimeOnly), v.Event)
	if i := v.Instance; i != nil {
		line += i.ID + "  " + i.is() + "  " + i.addresses()
		for _, f := range []struct{ name, value string }{{"version", i.Version}, {"zone", i.Zone}} {
			if f.value != "" {
				line += "  " + f.name + " " + f.value
			}
		}
		return line
	}
	line += v.Health + ", " + plural(v.Instances, "instance")
	if v.Unreadable > 0 {
		line += ", " + plural(v.Unreadable, "unreadable record")
	}
	if v.Error != "" {
		line += ": " + v.Error
	}
	return line
}
