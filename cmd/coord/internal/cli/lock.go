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
	cmd := &cobra.Command{
		Use:   "lock",
		Short: "Show locks, and break one",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError("unknown command \"lock %s\"", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newLockLsCmd(a), newLockDescribeCmd(a), newLockBreakCmd(a))
	return cmd
}

// lockView is a lock in JSON. The names of its fields are stable.
type lockView struct {
	Name    string      `json:"name"`
	Holders []entryView `json:"holders"`
	Queue   []entryView `json:"queue"`
}

// entryView is a holder or a waiter in JSON.
type entryView struct {
	Key        string    `json:"key"`
	Token      int64     `json:"token"`
	Lease      string    `json:"lease"`
	Owner      string    `json:"owner"`
	Host       string    `json:"host"`
	PID        int       `json:"pid"`
	Program    string    `json:"program"`
	Since      time.Time `json:"since"`
	TTLSeconds *float64  `json:"ttl_seconds"` // what is left of the lease; null if it is not known
	Note       string    `json:"note"`
	Error      string    `json:"error,omitempty"`
}

const lockFields = `
JSON: a lock has name, holders and queue; these have key, token, lease (hexadecimal), owner, host, pid, program, since (RFC 3339, the
owner's clock), ttl_seconds (left of the lease, or null), note, and error if the entry cannot be read.`

// viewer turns locks into what is shown, and asks for each lease once.
type viewer struct {
	lessor kv.Lessor
	ttls   map[kv.LeaseId]*float64
}

func newViewer(st kv.Storage) *viewer {
	return &viewer{lessor: st.Lessor(), ttls: make(map[kv.LeaseId]*float64)}
}

func (v *viewer) lock(info mutex.Info) lockView {
	view := lockView{Name: info.Name, Holders: []entryView{}, Queue: []entryView{}}
	for _, e := range info.Holders {
		view.Holders = append(view.Holders, v.entry(e))
	}
	for _, e := range info.Queue {
		view.Queue = append(view.Queue, v.entry(e))
	}
	return view
}

func (v *viewer) entry(e mutex.Entry) entryView {
	view := entryView{
		Key: string(e.Key), Token: int64(e.Token), Lease: fmt.Sprintf("%x", int64(e.Lease)), Owner: e.Owner.Name, Host: e.Owner.Host,
		PID: e.Owner.PID, Program: e.Owner.Program, Since: e.Since, Note: e.Note, TTLSeconds: v.ttl(e.Lease),
	}
	if e.Err != nil {
		view.Error = e.Err.Error()
	}
	return view
}

func (v *viewer) ttl(id kv.LeaseId) *float64 {
	if id == kv.NoLeaseId {
		return nil
	}
	ttl, asked := v.ttls[id]
	if !asked {
		if l, err := v.lessor.GetLease(id); err == nil {
			left := max(0, l.TTL().Seconds())
			ttl = &left
		}
		v.ttls[id] = ttl
	}
	return ttl
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
