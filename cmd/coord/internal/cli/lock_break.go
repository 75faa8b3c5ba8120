//go:build unix

package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
)

func newLockBreakCmd(a *app) *cobra.Command {
	o := &breakOptions{app: a, confirm: confirmation{app: a}}
	cmd := &cobra.Command{
		Use:   "break NAME",
		Short: "Take a lock away from its holder",
		Long: `Take a lock away from its holder. It shows whom it hits and asks first; --yes answers. It takes two seconds, in which it makes sure
that it strikes that acquisition and no later one: if the holder changes meanwhile it does nothing. Of several that read together it strikes
the first, or the one with --token.

A holder that runs under coord run has its command ended. Exit code 1: the lock is not held, or not under that token any more.`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args[0]
			if err := mutex.ValidateName(o.name); err != nil {
				return exit(exitUsage, err)
			}
			if err := cmp.Or(o.token.check(cmd), o.confirm.check()); err != nil {
				return err
			}
			return a.withStore(cmd.Context(), maxDuration, o.run)
		},
	}
	o.confirm.addFlags(cmd)
	o.token.addFlags(cmd, "strike only if this token holds the lock")
	return cmd
}

type breakOptions struct {
	app     *app
	name    string
	token   tokenFlag
	confirm confirmation
}

// strikeWithin bounds a removal, which takes two seconds on a store that answers at once.
const strikeWithin = 2 * answerWithin

func (o *breakOptions) run(ctx context.Context, st kv.Storage) error {
	ask, cancel := context.WithTimeout(ctx, answerWithin)
	info, err := mutex.Inspect(ask, st, o.name)
	cancel()
	switch {
	case err != nil:
		return err
	case len(info.Holders) == 0:
		return nobodyHolds(o.name)
	}
	h := info.Holders[0]
	if o.token != 0 {
		i := slices.IndexFunc(info.Holders, func(e mutex.Entry) bool { return e.Token == kv.Version(o.token) })
		if i < 0 {
			return exit(exitNo, fmt.Errorf("lock %q is held under token %d, not %d", o.name, h.Token, o.token))
		}
		h = info.Holders[i]
	}
	o.app.say("lock %q is held by %s under token %d since %s, %d waiting\n",
		o.name, h, h.Token, h.Since.Local().Format(time.DateTime), len(info.Queue))
	if err := o.confirm.ask("take it away?"); err != nil {
		return err
	}
	strike, cancel := context.WithTimeout(ctx, strikeWithin)
	defer cancel()
	if err := mutex.Break(strike, st, o.name, h.Token); err != nil {
		return err
	}
	o.app.say("taken away\n")
	return nil
}
