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
	o := &output{app: a}
	cmd := &cobra.Command{
		Use:   "describe NAME",
		Short: "Show who holds a lock and who waits for it",
		Long:  "Show who holds a lock and who waits for it, in order. Exit code 1: nobody holds it.",
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			if err := mutex.ValidateName(args[0]); err != nil {
				return exit(exitUsage, err)
			}
			return show(cmd.Context(), o, lockSource(args[0]))
		},
	}
	o.addFlags(cmd)
	return cmd
}

func lockSource(name string) source[*lockView] {
	src := source[*lockView]{single: true, table: lockTable}
	src.start, src.end = kv.PrefixRange(allLocks)
	src.read = func(ctx context.Context, st kv.Storage) ([]*lockView, error) {
		info, err := mutex.Inspect(ctx, st, name)
		if err != nil {
			return nil, err
		}
		return []*lockView{newLockView(info)}, nil
	}
	src.absent = func(v []*lockView) error {
		if len(v[0].Holders) == 0 {
			return nobodyHolds(name)
		}
		return nil
	}
	return src
}

// lockTable has a row for each holder, and for each who waits.
func lockTable(locks []*lockView) table {
	t := table{header: []string{"PLACE", "OWNER", "PROGRAM", "AGE", "TTL", "TOKEN", "NOTE", "LEASE", "KEY"}, wide: 7}
	row := func(place string, e entryView) {
		if e.Shared {
			place += " (shared)"
		}
		t.rows = append(t.rows, []string{
			place, e.who(), orDash(e.Program), age(e.Since), ttl(e.TTLSeconds), fmt.Sprint(e.Token), orDash(e.Note), e.Lease.String(), e.Key,
		})
	}
	for _, v := range locks {
		for _, e := range v.Holders {
			row("holder", e)
		}
		for i, e := range v.Queue {
			row(fmt.Sprint(i+1), e)
		}
	}
	return t
}
