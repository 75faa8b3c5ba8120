//go:build unix

package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
)

func newLockLsCmd(a *app) *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the locks that somebody holds or waits for",
		Long:  "List the locks that somebody holds or waits for, sorted by name.\n" + lockFields,
		Args:  exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := newPrinter(a.Out, format)
			if err != nil {
				return err
			}
			return a.withStore(cmd.Context(), answerWithin, func(ctx context.Context, st kv.Storage) error {
				infos, err := mutex.List(ctx, st)
				if err != nil {
					return err
				}
				v := newViewer(st)
				views := make([]lockView, 0, len(infos))
				for _, info := range infos {
					views = append(views, v.lock(info))
				}
				return p.locks(views)
			})
		},
	}
	outputFlag(cmd, &format)
	return cmd
}
