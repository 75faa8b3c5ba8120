//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/semaphore"
	"github.com/coordkit/coord/primitives/session"
)

func newSemaphoreLimitCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "limit NAME N",
		Short: "Set how much of a semaphore can be in use",
		Long: `Set how much of a semaphore can be in use at a time, for everybody. A higher limit lets in who fits; a lower one takes nothing away from
those who hold. Who names another limit with its next acquisition is refused.`,
		Args: exactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := semaphore.ValidateName(args[0]); err != nil {
				return exit(exitUsage, err)
			}
			n, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil || n <= 0 {
				return usageError("limit %q is none: want a positive number", args[1])
			}
			return a.withStore(cmd.Context(), answerWithin, func(ctx context.Context, st kv.Storage) error {
				s := session.New(st, nil)
				return errors.Join(semaphore.New(s, args[0], n, nil).SetLimit(ctx, n), s.Close(ctx))
			})
		},
	}
}

func newSemaphoreBreakCmd(a *app) *cobra.Command {
	o := &semaphoreBreakOptions{app: a, confirm: confirmation{app: a}}
	cmd := &cobra.Command{
		Use:   "break NAME --token TOKEN",
		Short: "Take back what one holder has of a semaphore",
		Long: `Take back what the holder under --token has of a semaphore; describe shows the tokens. It shows whom it hits and asks first; --yes answers.
It takes two seconds, in which it makes sure that it strikes that acquisition and no later one.

Exit code 1: nobody holds under that token any more.`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.name = args[0]
			if err := semaphore.ValidateName(o.name); err != nil {
				return exit(exitUsage, err)
			}
			if err := o.token.check(cmd); err != nil {
				return err
			}
			if o.token == 0 {
				return usageError("which of its holders? give --token")
			}
			if err := o.confirm.check(); err != nil {
				return err
			}
			return a.withStore(cmd.Context(), maxDuration, o.run)
		},
	}
	o.confirm.addFlags(cmd)
	o.token.addFlags(cmd, "strike what this token holds")
	return cmd
}

type semaphoreBreakOptions struct {
	app     *app
	name    string
	token   tokenFlag
	confirm confirmation
}

func (o *semaphoreBreakOptions) run(ctx context.Context, st kv.Storage) error {
	ask, cancel := context.WithTimeout(ctx, answerWithin)
	info, err := semaphore.Inspect(ask, st, o.name)
	cancel()
	if err != nil {
		return err
	}
	all := slices.Concat(info.Holders, info.Queue) // what cannot be read can be broken wherever it stands
	i := slices.IndexFunc(all, func(e semaphore.Entry) bool { return e.Token == kv.Version(o.token) })
	if i < 0 || i >= len(info.Holders) && all[i].Err == nil {
		return exit(exitNo, fmt.Errorf("nobody holds semaphore %q under token %d", o.name, o.token))
	}
	e := all[i]
	o.app.say("%d of semaphore %q is held by %s under token %d since %s, %d waiting\n",
		e.Weight, o.name, e, e.Token, e.Since.Local().Format(time.DateTime), len(info.Queue))
	if err := o.confirm.ask("take it back?"); err != nil {
		return err
	}
	strike, cancel := context.WithTimeout(ctx, strikeWithin)
	defer cancel()
	err = semaphore.Break(strike, st, o.name, e.Token)
	switch {
	case errors.Is(err, semaphore.ErrNotHeld):
		return exit(exitNo, err)
	case err != nil:
		return err
	}
	o.app.say("taken back\n")
	return nil
}
