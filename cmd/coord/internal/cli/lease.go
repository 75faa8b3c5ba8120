//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/kv"
)

func newLeaseCmd(a *app) *cobra.Command {
	return group("lease", "Show leases and what they hold, and release one",
		newLeaseLsCmd(a), newLeaseDescribeCmd(a), newLeaseReleaseCmd(a))
}

// leaseInfo is a lease.
type leaseInfo struct {
	leaseView
	Keys []string `json:"keys"` // of the records that go with it, sorted
}

func (v *leaseInfo) id() string { return v.Lease.String() }

func leasesTable(leases []*leaseInfo) table {
	t := table{header: []string{"LEASE", "TTL", "KEYS", "FIRST KEY"}, wide: 4}
	for _, v := range leases {
		first := "-"
		if len(v.Keys) > 0 {
			first = v.Keys[0]
		}
		t.rows = append(t.rows, []string{v.Lease.String(), ttl(v.TTLSeconds), strconv.Itoa(len(v.Keys)), first})
	}
	return t
}

// leaseTable has a row for each key.
func leaseTable(leases []*leaseInfo) table {
	t := table{header: []string{"LEASE", "TTL", "KEY"}, wide: 3}
	for _, v := range leases {
		for _, key := range v.Keys {
			t.rows = append(t.rows, []string{v.Lease.String(), ttl(v.TTLSeconds), key})
		}
		if len(v.Keys) == 0 {
			t.rows = append(t.rows, []string{v.Lease.String(), ttl(v.TTLSeconds), "-"})
		}
	}
	return t
}

// etcdStore is what a storage on etcd has beyond the contract, which can find a lease but not list them, nor tell what one holds.
type etcdStore interface{ Client() *clientv3.Client }

// allLeases returns the leases of the store with their keys, in the order of their numbers. A store that is no etcd does not tell of those
// that hold nothing.
func allLeases(ctx context.Context, st kv.Storage) ([]*leaseInfo, error) {
	byID, err := leasesOfRecords(ctx, st)
	if err != nil {
		return nil, err
	}
	if e, ok := kv.As[etcdStore](st); ok {
		resp, err := e.Client().Leases(ctx)
		if err != nil {
			return nil, fmt.Errorf("list leases: %w", err)
		}
		for _, l := range resp.Leases {
			if id := leaseID(l.ID); byID[id] == nil {
				byID[id] = &leaseInfo{leaseView: leaseView{Lease: id}, Keys: []string{}}
			}
		}
	}
	leases := make([]*leaseInfo, 0, len(byID))
	for _, l := range byID {
		leases = append(leases, l)
	}
	slices.SortFunc(leases, func(a, b *leaseInfo) int { return int(max(-1, min(1, a.Lease-b.Lease))) })
	return leases, nil
}

// leasesOfRecords reads the whole store and groups what has a lease.
func leasesOfRecords(ctx context.Context, st kv.Storage) (map[leaseID]*leaseInfo, error) {
	start, end := kv.PrefixRange("")
	records, err := st.GetRange(ctx, start, end)
	byID := make(map[leaseID]*leaseInfo)
	for _, r := range records {
		id := leaseID(r.Lease)
		if id == kv.NoLeaseId {
			continue
		}
		if byID[id] == nil {
			byID[id] = &leaseInfo{leaseView: leaseView{Lease: id}}
		}
		byID[id].Keys = append(byID[id].Keys, string(r.Key))
	}
	return byID, err
}

// oneLease returns a lease with its keys, or none.
func oneLease(ctx context.Context, st kv.Storage, id kv.LeaseId) ([]*leaseInfo, error) {
	_, err := st.Lessor().GetLease(id)
	switch {
	case errors.Is(err, kv.ErrWrongLeaseId):
		return nil, nil
	case err != nil:
		return nil, err
	}
	info := &leaseInfo{leaseView: leaseView{Lease: leaseID(id)}, Keys: []string{}}
	if e, ok := kv.As[etcdStore](st); ok {
		resp, err := e.Client().TimeToLive(ctx, clientv3.LeaseID(id), clientv3.WithAttachedKeys())
		if err != nil {
			return nil, fmt.Errorf("keys of lease %s: %w", info.Lease, err)
		}
		for _, key := range resp.Keys {
			info.Keys = append(info.Keys, string(key))
		}
		slices.Sort(info.Keys)
		return []*leaseInfo{info}, nil
	}
	byID, err := leasesOfRecords(ctx, st)
	if l := byID[info.Lease]; l != nil {
		info = l
	}
	return []*leaseInfo{info}, err
}

func newLeaseLsCmd(a *app) *cobra.Command {
	o := &output{app: a}
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the store's leases",
		Long: `List the store's leases with what is left of them and the keys that go with them. It reads the whole store for that. With --watch they
are shown again when a record changes: a lease that holds none comes and goes without a change.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			src := source[*leaseInfo]{read: allLeases, table: leasesTable, none: "no leases"}
			src.start, src.end = kv.PrefixRange("")
			return show(cmd.Context(), o, src)
		},
	}
	o.addFlags(cmd)
	return cmd
}

func newLeaseDescribeCmd(a *app) *cobra.Command {
	o := &output{app: a}
	cmd := &cobra.Command{
		Use:   "describe LEASE",
		Short: "Show a lease and the keys that go with it",
		Long:  "Show a lease (a hexadecimal number) and the keys that go with it. Exit code 1: there is no such lease.",
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			id, err := leaseArg(args[0])
			if err != nil {
				return err
			}
			src := source[*leaseInfo]{single: true, table: leaseTable}
			src.start, src.end = kv.PrefixRange("")
			src.read = func(ctx context.Context, st kv.Storage) ([]*leaseInfo, error) { return oneLease(ctx, st, id) }
			src.absent = func(v []*leaseInfo) error {
				if len(v) == 0 {
					return noLease(id)
				}
				return nil
			}
			return show(cmd.Context(), o, src)
		},
	}
	o.addFlags(cmd)
	return cmd
}

func newLeaseReleaseCmd(a *app) *cobra.Command {
	o := &releaseOptions{app: a, confirm: confirmation{app: a}}
	cmd := &cobra.Command{
		Use:   "release LEASE",
		Short: "End a lease, and remove all that goes with it",
		Long: `End a lease (a hexadecimal number), and remove the records that go with it, in one step. It shows which those are and asks first; --yes
answers. Whoever kept the lease alive loses all that it held under it, at once. Exit code 1: there is no such lease.`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if o.id, err = leaseArg(args[0]); err != nil {
				return err
			}
			if err := o.confirm.check(); err != nil {
				return err
			}
			return a.withStore(cmd.Context(), maxDuration, o.run)
		},
	}
	o.confirm.addFlags(cmd)
	return cmd
}

type releaseOptions struct {
	app     *app
	id      kv.LeaseId
	confirm confirmation
}

func (o *releaseOptions) run(ctx context.Context, st kv.Storage) error {
	ask, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	infos, err := oneLease(ask, st, o.id)
	switch {
	case err != nil:
		return err
	case len(infos) == 0:
		return noLease(o.id)
	}
	keys := infos[0].Keys
	o.app.say("lease %s holds %d key(s)%s\n", leaseID(o.id), len(keys), someOf(keys))
	if err := o.confirm.ask("end it?"); err != nil {
		return err
	}
	l, err := st.Lessor().GetLease(o.id)
	switch {
	case errors.Is(err, kv.ErrWrongLeaseId):
		return noLease(o.id)
	case err != nil:
		return err
	}
	if err := l.Release(); err != nil {
		return err
	}
	o.app.say("ended\n")
	return nil
}

// someOf are the first few keys, in quotes.
func someOf(keys []string) string {
	const few = 5
	var b strings.Builder
	for i, key := range keys[:min(few, len(keys))] {
		b.WriteString([]string{": ", ", "}[min(i, 1)])
		b.WriteString(strconv.Quote(key))
	}
	if len(keys) > few {
		b.WriteString(", …")
	}
	return b.String()
}
