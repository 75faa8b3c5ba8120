//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/election"
)

func newElectionLsCmd(a *app) *cobra.Command {
	o := &output{app: a}
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the elections that somebody stands for or ever won",
		Long:  "List the elections that somebody stands for or ever won, sorted by name.",
		Args:  exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			src := source[*electionView]{read: readElections, table: electionsTable, none: "no elections"}
			src.start, src.end = kv.PrefixRange(allElections)
			return show(cmd.Context(), o, src)
		},
	}
	o.addFlags(cmd)
	return cmd
}

// readElections reads the leases first: a leader elected after that has none yet, rather than another's.
func readElections(ctx context.Context, st kv.Storage) ([]*electionView, error) {
	leases, err := leasesUnder(ctx, st, allElections)
	if err != nil {
		return nil, err
	}
	infos, err := election.List(ctx, st)
	views := make([]*electionView, 0, len(infos))
	for _, info := range infos {
		views = append(views, newElectionView(info, leases))
	}
	return views, err
}

func electionsTable(elections []*electionView) table {
	t := table{header: []string{"NAME", "LEADER", "AGE", "TTL", "TERM", "CANDIDATES", "TOKEN", "LEASE", "PROGRAM", "NOTE", "VALUE", "KEY"}, wide: 6}
	for _, v := range elections {
		row := []string{
			v.Name, v.leads(), "-", "-", strconv.FormatInt(v.Term, 10), strconv.Itoa(len(v.Candidates)), "-", "-", "-", "-", "-", "-",
		}
		if l := v.Leader; l != nil {
			row[2], row[3] = age(l.Since), ttl(l.TTLSeconds)
			copy(row[6:], []string{strconv.FormatInt(l.Token, 10), l.Lease.String(), orDash(l.Program), orDash(l.Note), orDash(string(l.value)), l.Key})
		}
		t.rows = append(t.rows, row)
	}
	return t
}

func newElectionDescribeCmd(a *app) *cobra.Command {
	o := &output{app: a}
	cmd := &cobra.Command{
		Use:   "describe NAME",
		Short: "Show who leads an election and who stands",
		Long:  "Show who leads an election, and who stands, in the order in which they would be elected. Exit code 1: nobody leads.",
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			if err := election.ValidateName(args[0]); err != nil {
				return exit(exitUsage, err)
			}
			return show(cmd.Context(), o, electionSource(args[0]))
		},
	}
	o.addFlags(cmd)
	return cmd
}

func electionSource(name string) source[*electionView] {
	src := source[*electionView]{single: true, table: electionTable}
	src.start, src.end = kv.PrefixRange(allElections)
	src.read = func(ctx context.Context, st kv.Storage) ([]*electionView, error) {
		info, err := election.Inspect(ctx, st, name)
		if err != nil {
			return nil, err
		}
		leases := make(map[kv.Key]kv.LeaseId)
		if !info.Leader.Vacant {
			r, err := st.Get(ctx, info.Leader.Key)
			if err != nil && !errors.Is(err, kv.ErrNotFound) {
				return nil, err
			}
			leases[info.Leader.Key] = r.Lease
		}
		return []*electionView{newElectionView(info, leases)}, nil
	}
	src.absent = func(v []*electionView) error {
		switch {
		case v[0].Error != "":
			return exit(exitFailed, errors.New(v[0].Error))
		case v[0].Leader == nil:
			return nobodyLeads(name)
		}
		return nil
	}
	return src
}

// electionTable has a row for the leader, and for each who stands.
func electionTable(elections []*electionView) table {
	t := table{header: []string{"PLACE", "ID", "OWNER", "PROGRAM", "AGE", "TTL", "TOKEN", "NOTE", "PRIORITY", "LEASE", "VALUE", "KEY"}, wide: 8}
	for _, v := range elections {
		if l := v.Leader; l != nil {
			t.rows = append(t.rows, []string{
				"leader", l.ID, orDash(l.Owner), orDash(l.Program), age(l.Since), ttl(l.TTLSeconds), strconv.FormatInt(l.Token, 10),
				orDash(l.Note), "-", l.Lease.String(), orDash(string(l.value)), l.Key,
			})
		}
		for i, c := range v.Candidates {
			id := c.ID
			if c.Error != "" {
				id = "(unreadable)"
			}
			t.rows = append(t.rows, []string{
				fmt.Sprint(i + 1), id, orDash(c.Owner), orDash(c.Program), age(c.Since), ttl(c.TTLSeconds), strconv.FormatInt(c.Token, 10),
				orDash(c.Note), strconv.Itoa(c.Priority), c.Lease.String(), "-", c.Key,
			})
		}
	}
	return t
}
