//go:build unix

package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/cmd/coord/internal/contexts"
)

func newContextCmd(a *app) *cobra.Command {
	cmd := group("context", "Show and change contexts: named settings, such as those of a cluster",
		newContextLsCmd(a), newContextShowCmd(a), newContextUseCmd(a), newContextSetCmd(a), newContextRmCmd(a))
	cmd.Long = `Show and change contexts, which are settings under a name: the endpoints of a cluster, its TLS files, the user and where the password
comes from. One of them is current, and used where neither flags nor the environment name a store; --context and COORD_CONTEXT ask for
another one. coord help contexts tells of the file they are in, and coord context show of the settings in use.`
	return cmd
}

// contextView is a context. It has no password, and says where that comes from.
type contextView struct {
	Name               string   `json:"name"`
	Current            bool     `json:"current"`
	Endpoints          []string `json:"endpoints"`
	CACert             string   `json:"cacert"`
	Cert               string   `json:"cert"`
	Key                string   `json:"key"`
	ServerName         string   `json:"server_name"`
	InsecureSkipVerify bool     `json:"insecure_skip_tls_verify"`
	User               string   `json:"user"`
	PasswordFrom       string   `json:"password_from"`
	DialTimeout        string   `json:"dial_timeout"`
}

func newContextView(c contexts.Context, current string) *contextView {
	v := &contextView{
		Name: c.Name, Current: c.Name == current, Endpoints: c.Endpoints, CACert: c.CACert, Cert: c.Cert, Key: c.Key, ServerName: c.ServerName,
		InsecureSkipVerify: c.InsecureSkipVerify, User: c.User, PasswordFrom: c.PasswordFrom(),
	}
	if c.DialTimeout != 0 {
		v.DialTimeout = c.DialTimeout.String()
	}
	return v
}

func (v *contextView) id() string { return v.Name }

func (v *contextView) askTTLs(func(leaseID) *float64) {}

func contextsTable(views []*contextView) table {
	t := table{header: []string{"CURRENT", "NAME", "ENDPOINTS", "USER", "PASSWORD", "CACERT", "CERT", "SERVER NAME"}, wide: 4}
	for _, v := range views {
		current := ""
		if v.Current {
			current = "*"
		}
		t.rows = append(t.rows, []string{
			current, v.Name, strings.Join(v.Endpoints, ","), orDash(v.User), orDash(v.PasswordFrom), orDash(v.CACert), orDash(v.Cert),
			orDash(v.ServerName),
		})
	}
	return t
}

func newContextLsCmd(a *app) *cobra.Command {
	o := &output{app: a}
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the contexts",
		Long:  "List the contexts, sorted by name. The current one is marked, whatever --context and COORD_CONTEXT ask for.",
		Args:  exactArgs(0),
		RunE: func(*cobra.Command, []string) error {
			if err := o.check(); err != nil {
				return err
			}
			file, err := a.readContexts()
			if err != nil {
				return err
			}
			if file.Exposed && !a.quiet {
				a.say("coord: %s\n", exposedFile(file.Path))
			}
			views := make([]*contextView, 0, len(file.Contexts))
			for _, c := range file.Contexts {
				views = append(views, newContextView(c, file.Current))
			}
			return present(o, source[*contextView]{table: contextsTable, none: "no contexts in " + file.Path}, views)
		},
	}
	o.addFormat(cmd)
	return cmd
}
