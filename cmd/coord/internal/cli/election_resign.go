//go:build unix

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/election"
)

func newElectionResignCmd(a *app) *cobra.Command {
	o := &resignOptions{app: a, confirm: confirmation{app: a}}
	cmd := &cobra.Command{
		Use:   "resign NAME",
		Short: "Take a leadership away from its leader",
		Long: `Take a leadership away from its leader; the next in line is elected. It shows whom it hits and asks first; --yes answers. It takes two
seconds, in which it makes sure that it strikes that term and no later one: if the leader changes meanwhile it does nothing.

The leader is told, and may stand again. Exit code 1: nobody leads, or not under that token any more.`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args[0]
			if err := election.ValidateName(o.name); err != nil {
				return exit(exitUsage, err)
			}
			if err := cmp.Or(o.token.check(cmd), o.confirm.check()); err != nil {
				return err
			}
			return a.withStore(cmd.Context(), maxDuration, o.run)
		},
	}
	o.confirm.addFlags(cmd)
	o.token.addFlags(cmd, "strike only if this token leads")
	return cmd
}

type resignOptions struct {
	app     *app
	name    string
	token   tokenFlag
	confirm confirmation
}

func (o *resignOptions) run(ctx context.Context, st kv.Storage) error {
	ask, cancel := context.WithTimeout(ctx, answerWithin)
	info, err := election.Inspect(ask, st, o.name)
	cancel()
	l := info.Leader
	switch err = cmp.Or(err, info.Err); {
	case err != nil:
		return err
	case l.Vacant:
		return nobodyLeads(o.name)
	case o.token != 0 && l.Token != kv.Version(o.token):
		return exit(exitNo, fmt.Errorf("election %q is led under token %d, not %d", o.name, l.Token, o.token))
	}
	o.app.say("election %q is led by %s (%s, %s) under token %d since %s, %d standing\n",
		o.name, l.ID, l.Owner.Name, l.Owner.Program, l.Token, l.Since.Local().Format(time.DateTime), len(info.Candidates))
	if err := o.confirm.ask("take it away?"); err != nil {
		return err
	}
	strike, cancel := context.WithTimeout(ctx, strikeWithin)
	defer cancel()
	err = election.Break(strike, st, o.name, l.Token)
	switch {
	case errors.Is(err, election.ErrNotLeading):
		return exit(exitNo, err)
	case err != nil:
		return err
	}
	o.app.say("taken away\n")
	return nil
}
