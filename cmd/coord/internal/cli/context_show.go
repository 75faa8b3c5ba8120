//go:build unix

package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/cmd/coord/internal/contexts"
)

func newContextShowCmd(a *app) *cobra.Command {
	o := &output{app: a}
	cmd := &cobra.Command{
		Use:   "show [NAME]",
		Short: "Show the settings in use, and where each comes from",
		Long: `Show the settings that a command called in this place with these flags uses, and where each comes from; or, with NAME, those it would use
with --context NAME. A password is never shown, only where it comes from.`,
		Args: atMostArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			if len(args) == 1 {
				if a.given(settingContext) && a.contextName != args[0] {
					return usageError("--context %q and %q are two contexts", a.contextName, args[0])
				}
				if err := a.global.Set(settingContext, args[0]); err != nil {
					return err
				}
			}
			e, err := a.effective()
			if err != nil {
				return err
			}
			return present(o, source[*settingView]{table: settingsTable}, e.views())
		},
	}
	o.addFormat(cmd)
	return cmd
}

// settingView is a setting in use.
type settingView struct {
	Setting string  `json:"setting"`
	Value   *string `json:"value"` // null if it is not set
	Source  string  `json:"source"`
}

func (v *settingView) id() string { return v.Setting }

func (v *settingView) askTTLs(func(leaseID) *float64) {}

// unset is the source of what nobody has set.
const unset = "default"

// views are the settings one by one.
func (e *effective) views() []*settingView {
	password, insecure, user := "", "", e.User
	if name, _, ok := strings.Cut(user, ":"); ok { // all of it is the name, if a password is set beside it: perhaps by mistake
		user = name + ":" + contexts.Hidden
	}
	if e.Password != "" {
		password = contexts.Hidden
	}
	if e.InsecureSkipVerify || e.from[settingInsecure] != "" {
		insecure = "false"
		if e.InsecureSkipVerify {
			insecure = "true"
		}
	}
	var views []*settingView
	for _, s := range []struct{ name, value, without string }{
		{settingContext, e.context, e.aside},
		{settingEndpoints, strings.Join(e.Endpoints, ","), "local store"},
		{settingCACert, e.CACert, ""}, {settingCert, e.Cert, ""}, {settingKey, e.Key, ""}, {settingServer, e.ServerName, ""},
		{settingInsecure, insecure, ""}, {settingUser, user, ""}, {settingPassword, password, ""},
		{settingDial, e.DialTimeout.String(), ""},
	} {
		v := &settingView{Setting: s.name, Source: e.from[s.name]}
		if s.value != "" {
			v.Value = &s.value
		}
		switch {
		case v.Source != "":
		case s.without != "":
			v.Source = s.without
		default:
			v.Source = unset
		}
		views = append(views, v)
	}
	return views
}

func settingsTable(views []*settingView) table {
	t := table{header: []string{"SETTING", "VALUE", "SOURCE"}, wide: 3}
	for _, v := range views {
		value := "-"
		if v.Value != nil {
			value = *v.Value
		}
		t.rows = append(t.rows, []string{v.Setting, value, v.Source})
	}
	return t
}
