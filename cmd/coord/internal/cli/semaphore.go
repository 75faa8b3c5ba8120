//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/semaphore"
)

func newSemaphoreCmd(a *app) *cobra.Command {
	return group("semaphore", "Show semaphores, set their limits, and break an acquisition",
		newSemaphoreLsCmd(a), newSemaphoreDescribeCmd(a), newSemaphoreLimitCmd(a), newSemaphoreBreakCmd(a))
}

// allSemaphores is the prefix of all that semaphores are made of.
const allSemaphores = "coord/semaphore/"

// semaphoreView is a semaphore.
type semaphoreView struct {
	Name    string       `json:"name"`
	Limit   int64        `json:"limit"` // 0 if none is stored, or if it cannot be read
	Used    int64        `json:"used"`
	Holders []permitView `json:"holders"`
	Queue   []permitView `json:"queue"`
	Error   string       `json:"error,omitempty"` // why the limit cannot be read
}

// permitView is a holder or a waiter.
type permitView struct {
	Key    string `json:"key"`
	Token  int64  `json:"token"`
	Weight int64  `json:"weight"`
	leaseView
	ownerView
	Note  string `json:"note"`
	Error string `json:"error,omitempty"` // why the entry cannot be read
}

func newSemaphoreView(info semaphore.Info) *semaphoreView {
	v := &semaphoreView{Name: info.Name, Limit: info.Limit, Used: info.Used, Holders: []permitView{}, Queue: []permitView{}}
	if info.Err != nil {
		v.Error = info.Err.Error()
	}
	for _, e := range info.Holders {
		v.Holders = append(v.Holders, newPermitView(e))
	}
	for _, e := range info.Queue {
		v.Queue = append(v.Queue, newPermitView(e))
	}
	return v
}

func newPermitView(e semaphore.Entry) permitView {
	v := permitView{
		Key: string(e.Key), Token: int64(e.Token), Weight: e.Weight, leaseView: leaseView{Lease: leaseID(e.Lease)},
		ownerView: newOwnerView(e.Owner, e.Since), Note: e.Note,
	}
	if e.Err != nil {
		v.Error = e.Err.Error()
	}
	return v
}

func (v *semaphoreView) id() string { return v.Name }

func (v *semaphoreView) askTTLs(f func(leaseID) *float64) {
	for _, entries := range [][]permitView{v.Holders, v.Queue} {
		for i := range entries {
			entries[i].leaseView.askTTLs(f)
		}
	}
}

func semaphoresTable(semaphores []*semaphoreView) table {
	t := table{header: []string{"NAME", "USED", "LIMIT", "HOLDERS", "WAITERS"}, wide: 5}
	for _, v := range semaphores {
		limit := strconv.FormatInt(v.Limit, 10)
		if v.Error != "" {
			limit = "(unreadable)"
		}
		t.rows = append(t.rows, []string{
			v.Name, strconv.FormatInt(v.Used, 10), limit, strconv.Itoa(len(v.Holders)), strconv.Itoa(len(v.Queue)),
		})
	}
	return t
}

// semaphoreTable has a row for each holder, and for each who waits.
func semaphoreTable(semaphores []*semaphoreView) table {
	t := table{header: []string{"PLACE", "WEIGHT", "OWNER", "PROGRAM", "AGE", "TTL", "TOKEN", "NOTE", "LEASE", "KEY"}, wide: 8}
	row := func(place string, e permitView) {
		owner := e.Owner
		if e.Error != "" {
			owner = "(unreadable)"
		}
		t.rows = append(t.rows, []string{
			place, strconv.FormatInt(e.Weight, 10), owner, orDash(e.Program), age(e.Since), ttl(e.TTLSeconds),
			strconv.FormatInt(e.Token, 10), orDash(e.Note), e.Lease.String(), e.Key,
		})
	}
	for _, v := range semaphores {
		for _, e := range v.Holders {
			row("holder", e)
		}
		for i, e := range v.Queue {
			row(fmt.Sprint(i+1), e)
		}
	}
	return t
}

func newSemaphoreLsCmd(a *app) *cobra.Command {
	o := &output{app: a}
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the semaphores that have a limit or are in use",
		Long:  "List the semaphores that have a limit, or that somebody holds or waits for, sorted by name.",
		Args:  exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			src := source[*semaphoreView]{table: semaphoresTable, none: "no semaphores"}
			src.start, src.end = kv.PrefixRange(allSemaphores)
			src.read = func(ctx context.Context, st kv.Storage) ([]*semaphoreView, error) {
				infos, err := semaphore.List(ctx, st)
				views := make([]*semaphoreView, 0, len(infos))
				for _, info := range infos {
					views = append(views, newSemaphoreView(info))
				}
				return views, err
			}
			return show(cmd.Context(), o, src)
		},
	}
	o.addFlags(cmd)
	return cmd
}

func newSemaphoreDescribeCmd(a *app) *cobra.Command {
	o := &output{app: a}
	cmd := &cobra.Command{
		Use:   "describe NAME",
		Short: "Show who holds a semaphore and who waits for it",
		Long:  "Show who holds a semaphore and who waits for it, in order. Exit code 1: nobody holds it.",
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			name := args[0]
			if err := semaphore.ValidateName(name); err != nil {
				return exit(exitUsage, err)
			}
			src := source[*semaphoreView]{single: true, table: semaphoreTable}
			src.start, src.end = kv.PrefixRange(allSemaphores)
			src.read = func(ctx context.Context, st kv.Storage) ([]*semaphoreView, error) {
				info, err := semaphore.Inspect(ctx, st, name)
				if err != nil {
					return nil, err
				}
				return []*semaphoreView{newSemaphoreView(info)}, nil
			}
			src.absent = func(v []*semaphoreView) error {
				switch {
				case v[0].Error != "":
					return exit(exitFailed, errors.New(v[0].Error))
				case len(v[0].Holders) == 0:
					return exit(exitNo, fmt.Errorf("nobody holds semaphore %q", name))
				}
				return nil
			}
			return show(cmd.Context(), o, src)
		},
	}
	o.addFlags(cmd)
	return cmd
}
