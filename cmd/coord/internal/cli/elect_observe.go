//go:build unix

package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/election"
)

func newElectObserveCmd(a *app) *cobra.Command {
	o := &observeOptions{out: a.Out}
	cmd := &cobra.Command{
		Use:   "observe NAME",
		Short: "Tell who leads, and each change",
		Long: `Tell who leads the election called NAME, a line for the present and one for each change: another leader, another value, or that nobody
leads. It lasts until it is interrupted, through outages of the store, in which it is silent. A slow reader is told the present state and
not each step to it. With --once it tells the present only; exit code 1: nobody leads.

With -o jsonl each line is a JSON object.`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args[0]
			if err := election.ValidateName(o.name); err != nil {
				return exit(exitUsage, err)
			}
			if o.format != "text" && o.format != "jsonl" {
				return usageError("--output %q: want text or jsonl", o.format)
			}
			st, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			defer st.Close()
			return o.run(cmd.Context(), st)
		},
	}
	cmd.Flags().StringVarP(&o.format, "output", "o", "text", "text or jsonl")
	cmd.Flags().BoolVar(&o.once, "once", false, "tell the present only")
	return cmd
}

type observeOptions struct {
	out    io.Writer
	name   string
	format string
	once   bool
}

// run tells what it observes. The first look bounds how long a store that has never answered is waited for: an observer waits for ever.
func (o *observeOptions) run(ctx context.Context, st kv.Storage) error {
	first, cancel := context.WithTimeout(ctx, answerWithin)
	info, err := election.Inspect(first, st, o.name)
	cancel()
	if err == nil {
		err = info.Err
	}
	switch {
	case err != nil:
		return unavailable(ctx, err)
	case o.once && info.Leader.Vacant:
		return exit(exitNo, fmt.Errorf("nobody leads %q", o.name))
	case o.once:
		return o.tell(info.Leader)
	}
	for l, err := range election.Observe(ctx, st, o.name) {
		if err == nil {
			err = o.tell(l)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *observeOptions) tell(l election.LeaderInfo) error {
	if o.format == "jsonl" {
		line, err := encodeJSON(newObservedView(o.name, l), "")
		if err == nil {
			_, err = o.out.Write(line)
		}
		return err
	}
	if l.Vacant {
		_, err := fmt.Fprintf(o.out, "nobody leads %s\n", o.after(l))
		return err
	}
	line := fmt.Sprintf("%s leads in term %d, token %d, since %s", leaderName(l), l.Number, l.Token, l.Since.Local().Format(time.DateTime))
	if len(l.Value) > 0 {
		line += fmt.Sprintf(", %q", l.Value)
	}
	_, err := fmt.Fprintln(o.out, cell(line))
	return err
}

func (o *observeOptions) after(l election.LeaderInfo) string {
	if l.Number == 0 {
		return "and nobody ever did"
	}
	return fmt.Sprintf("after term %d", l.Number)
}

// observedView is who leads an election at a moment, or that nobody does.
type observedView struct {
	Name   string `json:"name"`
	Vacant bool   `json:"vacant"`
	Term   int64  `json:"term"` // the number of the present term, or of the last one
	ID     string `json:"id"`
	Key    string `json:"key"`
	Token  int64  `json:"token"`
	ownerView
	Note string `json:"note"`
	valueView
}

func newObservedView(name string, l election.LeaderInfo) observedView {
	return observedView{
		Name: name, Vacant: l.Vacant, Term: l.Number, ID: l.ID, Key: string(l.Key), Token: int64(l.Token),
		ownerView: newOwnerView(l.Owner, l.Since), Note: l.Note, valueView: newValueView(l.Value),
	}
}
