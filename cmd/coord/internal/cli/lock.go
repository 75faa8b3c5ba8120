//go:build unix

package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
)

func newLockCmd(a *app) *cobra.Command {
	return group("lock", "Show locks, wait for one, and break one",
		newLockLsCmd(a), newLockDescribeCmd(a), newLockWaitCmd(a), newLockBreakCmd(a))
}

// group is a command that only has others.
func group(name, short string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   name,
		Short: short,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError("unknown command %q", name+" "+args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(commands...)
	return cmd
}

// allLocks is the prefix of all that locks are made of.
const allLocks = "coord/lock/"

// lockView is a lock. It is free if it has no holders.
type lockView struct {
	Name    string      `json:"name"`
	Holders []entryView `json:"holders"`
	Queue   []entryView `json:"queue"`
}

// entryView is a holder or a waiter.
type entryView struct {
	Key   string `json:"key"`
	Token int64  `json:"token"`
	leaseView
	ownerView
	Note   string `json:"note"`
	Shared bool   `json:"shared"`
	Error  string `json:"error,omitempty"` // why the entry cannot be read
}

func newLockView(info mutex.Info) *lockView {
	v := &lockView{Name: info.Name, Holders: []entryView{}, Queue: []entryView{}}
	for _, e := range info.Holders {
		v.Holders = append(v.Holders, newEntryView(e))
	}
	for _, e := range info.Queue {
		v.Queue = append(v.Queue, newEntryView(e))
	}
	return v
}

func newEntryView(e mutex.Entry) entryView {
	v := entryView{
		Key: string(e.Key), Token: int64(e.Token), leaseView: leaseView{Lease: leaseID(e.Lease)}, ownerView: newOwnerView(e.Owner, e.Since),
		Note: e.Note, Shared: e.Shared,
	}
	if e.Err != nil {
		v.Error = e.Err.Error()
	}
	return v
}

func (v *lockView) id() string { return v.Name }

func (v *lockView) askTTLs(f func(leaseID) *float64) {
	for _, entries := range [][]entryView{v.Holders, v.Queue} {
		for i := range entries {
			entries[i].leaseView.askTTLs(f)
		}
	}
}

// who is the owner in a table.
func (v entryView) who() string {
	if v.Error != "" {
		return "(unreadable)"
	}
	return v.Owner
}

// withStore runs f on the configured store, which must answer in time.
func (a *app) withStore(ctx context.Context, within time.Duration, f func(ctx context.Context, st kv.Storage) error) error {
	st, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer st.Close()
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return f(ctx, st)
}

func nobodyHolds(name string) error { return exit(exitNo, fmt.Errorf("nobody holds lock %q", name)) }
