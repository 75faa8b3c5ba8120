//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/cmd/coord/internal/local"
)

// devView is the local store, which is used where no endpoint is configured.
type devView struct {
	Running     bool     `json:"running"`
	PID         *int     `json:"pid"`
	Socket      *string  `json:"socket"`
	Directory   string   `json:"directory"`
	Version     *string  `json:"version"`
	SizeBytes   int64    `json:"size_bytes"`
	InUse       bool     `json:"in_use"`
	IdleSeconds *float64 `json:"idle_seconds"` // since the last one has come; null if one is there
}

func (v *devView) id() string { return v.Directory }

func (*devView) askTTLs(func(leaseID) *float64) {}

func newDevView(s local.Status, version string) *devView {
	v := &devView{Running: s.Running, Directory: s.Dir, SizeBytes: s.Size, InUse: s.InUse}
	if s.PID != 0 {
		v.PID = &s.PID
	}
	if s.Endpoint != "" {
		socket := local.SocketOf(s.Endpoint)
		v.Socket = &socket
	}
	if version != "" {
		v.Version = &version
	}
	if !s.InUse && !s.LastUse.IsZero() {
		idle := max(0, time.Since(s.LastUse).Round(time.Second).Seconds())
		v.IdleSeconds = &idle
	}
	return v
}

func devTable(stores []*devView) table {
	t := table{header: []string{"STATE", "PID", "VERSION", "SIZE", "IDLE", "SOCKET", "DIRECTORY"}, wide: 7}
	for _, v := range stores {
		state, pid, version, socket := "stopped", "-", "-", "-"
		switch {
		case v.Running && v.InUse:
			state = "in use"
		case v.Running:
			state = "running"
		}
		if v.PID != nil {
			pid = strconv.Itoa(*v.PID)
		}
		if v.Version != nil {
			version = *v.Version
		}
		if v.Socket != nil {
			socket = *v.Socket
		}
		t.rows = append(t.rows, []string{state, pid, version, size(v.SizeBytes), ttl(v.IdleSeconds), socket, v.Directory})
	}
	return t
}

func newDevStatusCmd(a *app) *cobra.Command {
	o := &output{app: a}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show whether the local store runs",
		Long: `Show whether the local store of this user on this host runs, which is used where no endpoint is configured: the server's process, socket and
version, where the data is and how much, and for how long nobody has come. It starts nothing. Exit code 1: it does not run.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return showDevStatus(cmd.Context(), o)
		},
	}
	o.addFormat(cmd)
	return cmd
}

func showDevStatus(ctx context.Context, o *output) error {
	s, err := within(ctx, local.Inspect)
	if err != nil {
		return err
	}
	view := newDevView(s, serverVersion(ctx, s.Endpoint))
	text, err := render(o, nil, source[*devView]{single: true, table: devTable}, []*devView{view})
	if err == nil {
		_, err = o.app.Out.Write(text)
	}
	if err == nil && !view.Running {
		err = exit(exitNo, errors.New("the local store does not run; whatever needs it starts it"))
	}
	return err
}

// serverVersion is what the server says, if it answers soon. It is asked without a share in the store, and so is free to end meanwhile.
func serverVersion(ctx context.Context, endpoint string) string {
	if endpoint == "" {
		return ""
	}
	st, err := etcd.Settings{Endpoints: []string{endpoint}}.Open(nil)
	if err != nil {
		return ""
	}
	defer st.Close()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	status, err := clientv3.NewMaintenance(st.Client()).Status(ctx, endpoint)
	if err != nil {
		return ""
	}
	return status.Version
}

func newDevStopCmd(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "stop",
		Short: "End the local store's server",
		Long: `End the server of this user's local store on this host, if nobody uses it. The data stays, and whatever needs the store starts another
server; left alone, it ends by itself after 10 minutes without use. With --force it is ended though it is in use; whoever uses it goes on with
another one as soon as it needs the store. It is no error if none runs.

Exit code 1: it is in use.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			pid, err := within(cmd.Context(), func(ctx context.Context) (int, error) { return local.Stop(ctx, force) })
			switch {
			case errors.Is(err, local.ErrInUse):
				return exit(exitNo, fmt.Errorf("%w; --force ends its server all the same", err))
			case err != nil:
				return err
			case pid == 0:
				a.say("the local store does not run\n")
			default:
				a.say("ended, process %d\n", pid)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "end it though it is in use")
	return cmd
}
