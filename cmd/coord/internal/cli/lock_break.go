//go:build unix

package cli

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
)

func newLockBreakCmd(a *app) *cobra.Command {
	o := &breakOptions{app: a}
	cmd := &cobra.Command{
		Use:   "break NAME",
		Short: "Take a lock away from its holder",
		Long: `Take a lock away from its holder. It shows whom it hits and asks first; --yes answers. It takes two seconds, in which it makes sure
that it strikes that acquisition and no later one: if the holder changes meanwhile it does nothing.

A holder that runs under coord run has its command ended. Exit code 1: the lock is not held, or not under that token any more.`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args[0]
			if err := mutex.ValidateName(o.name); err != nil {
				return exit(exitUsage, err)
			}
			if cmd.Flags().Changed("token") && o.token <= 0 {
				return usageError("--token %d is no token", o.token)
			}
			if !o.yes && !a.Terminal {
				return usageError("nobody to ask here: add --yes")
			}
			return a.withStore(cmd.Context(), time.Hour, o.run)
		},
	}
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	cmd.Flags().Int64Var(&o.token, "token", 0, "strike only if this token holds the lock")
	return cmd
}

type breakOptions struct {
	app   *app
	name  string
	token int64
	yes   bool
}

func (o *breakOptions) run(ctx context.Context, st kv.Storage) error {
	ask, cancel := context.WithTimeout(ctx, answerWithin)
	info, err := mutex.Inspect(ask, st, o.name)
	cancel()
	switch {
	case err != nil:
		return err
	case len(info.Holders) == 0:
		return exit(exitNo, fmt.Errorf("nobody holds lock %q", o.name))
	}
	h := info.Holders[0]
	if o.token != 0 && h.Token != kv.Version(o.token) {
		return exit(exitNo, fmt.Errorf("lock %q is held under token %d, not %d", o.name, h.Token, o.token))
	}
	o.app.say("lock %q is held by %s under token %d since %s, %d waiting\n",
		o.name, h, h.Token, h.Since.Local().Format(time.DateTime), len(info.Queue))
	if !o.yes {
		o.app.say("take it away? [y/N] ")
		answer, _ := bufio.NewReader(o.app.In).ReadString('\n')
		if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
			return exit(exitNo, fmt.Errorf("left alone"))
		}
	}
	strike, cancel := context.WithTimeout(ctx, 2*answerWithin)
	defer cancel()
	if err := mutex.Break(strike, st, o.name, h.Token); err != nil {
		return err
	}
	o.app.say("taken away\n")
	return nil
}
