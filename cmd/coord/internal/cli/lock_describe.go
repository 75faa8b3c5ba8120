//go:build unix

package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
)

func newLockDescribeCmd(a *app) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "describe NAME",
		Short: "Show who holds a lock and who waits for it",
		Long:  "Show who holds a lock and who waits for it, in order. Exit code 1: nobody holds it.\n" + lockFields,
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := newPrinter(a.Out, format)
			if err != nil {
				return err
			}
			if err := mutex.ValidateName(args[0]); err != nil {
				return exit(exitUsage, err)
			}
			return a.withStore(cmd.Context(), answerWithin, func(ctx context.Context, st kv.Storage) error {
				info, err := mutex.Inspect(ctx, st, args[0])
				if err != nil {
					return err
				}
				if len(info.Holders) == 0 {
					return exit(exitNo, fmt.Errorf("nobody holds lock %q", args[0]))
				}
				return p.lock(newViewer(st).lock(info))
			})
		},
	}
	outputFlag(cmd, &format)
	return cmd
}
