//go:build unix

package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
)

func newLockLsCmd(a *app) *cobra.Command {
	o := &output{app: a}
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the locks that somebody holds or waits for",
		Long:  "List the locks that somebody holds or waits for, sorted by name.",
		Args:  exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			src := source[*lockView]{read: readLocks, table: locksTable, none: "no locks"}
			src.start, src.end = kv.PrefixRange(allLocks)
			return show(cmd.Context(), o, src)
		},
	}
	o.addFlags(cmd)
	return cmd
}

func readLocks(ctx context.Context, st kv.Storage) ([]*lockView, error) {
	infos, err := mutex.List(ctx, st)
	views := make([]*lockView, 0, len(infos))
	for _, info := range infos {
		views = append(views, newLockView(info))
	}
	return views, err
}

// locksTable has a row for each lock; of several that read together it names the first.
func locksTable(locks []*lockView) table {
	t := table{header: []string{"NAME", "HOLDER", "AGE", "TTL", "TOKEN", "WAITERS", "LEASE", "PROGRAM", "NOTE", "KEY"}, wide: 6}
	for _, v := range locks {
		row := []string{v.Name, "-", "-", "-", "-", fmt.Sprint(len(v.Queue)), "-", "-", "-", "-"}
		if len(v.Holders) > 0 {
			h := v.Holders[0]
			who := h.who()
			if more := len(v.Holders) - 1; more > 0 {
				who += fmt.Sprintf(" +%d", more)
			}
			row = []string{
				v.Name, who, age(h.Since), ttl(h.TTLSeconds), fmt.Sprint(h.Token), fmt.Sprint(len(v.Queue)),
				h.Lease.String(), orDash(h.Program), orDash(h.Note), h.Key,
			}
		}
		t.rows = append(t.rows, row)
	}
	return t
}
