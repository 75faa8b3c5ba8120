//go:build unix

package cli

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/cmd/coord/internal/contexts"
)

func newContextSetCmd(a *app) *cobra.Command {
	o := &contextSetOptions{app: a}
	cmd := &cobra.Command{
		Use:   "set NAME [flags]",
		Short: "Make a context, or change one",
		Long: `Make a context of the settings that flags give, or change these in the one that is there; an empty value removes one. Endpoints and TLS files
are looked at, and refused if they cannot be used; no connection is made.

The password is read when it is needed, from a file (--password-file) or a variable (--password-env); or else it is put into the file of
contexts, which is then for its owner only: --password-stdin reads it from standard input.

  coord context set prod --endpoints https://a.example:2379 --cacert ca.pem --user ann --password-file ~/.prod-password`,
		Args: exactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return o.run(args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&o.file, "password-file", "", "the password is in this file")
	f.StringVar(&o.variable, "password-env", "", "the password is in this environment variable")
	f.BoolVar(&o.stdin, "password-stdin", false, "read the password from standard input, and keep it")
	o.given = f.Changed
	return cmd
}

type contextSetOptions struct {
	app            *app
	file, variable string
	stdin          bool
	given          func(flag string) bool
}

func (o *contextSetOptions) run(name string) error {
	if err := contexts.ValidateName(name); err != nil {
		return exit(exitUsage, err)
	}
	changes, err := o.changes()
	if err != nil {
		return err
	}
	path, home, err := o.app.configFile()
	if err != nil {
		return err
	}
	after, err := contexts.Update(path, home, func(f *contexts.File) error { return f.Set(name, changes) }, func(f *contexts.File) error {
		c, err := f.Find(name)
		if err != nil {
			return err
		}
		return usable(c)
	})
	if err != nil {
		return exit(exitConfig, fmt.Errorf("contexts: %w", err))
	}
	if after.Current != name {
		o.app.tell("context %q is set; coord context use %s makes it the current one", name, name)
	} else {
		o.app.tell("context %q is set", name)
	}
	return nil
}

// usable tells whether a context's endpoints and TLS files can be used. How one signs in shows when it is used.
func usable(c contexts.Context) error {
	return etcd.Settings{
		Endpoints: c.Endpoints, CACert: c.CACert, Cert: c.Cert, Key: c.Key, ServerName: c.ServerName, InsecureSkipVerify: c.InsecureSkipVerify,
	}.Validate()
}

// changes are what the flags ask for.
func (o *contextSetOptions) changes() ([]contexts.Change, error) {
	a := o.app
	switch {
	case a.given(settingPassword), strings.Contains(a.flags.User, ":"):
		return nil, usageError("a password among the arguments is seen by others: use --password-file, --password-env or --password-stdin")
	case a.flags.DialTimeout < 0:
		return nil, usageError("--dial-timeout %v is negative", a.flags.DialTimeout)
	}
	var changes []contexts.Change
	set := func(setting string, given bool, value string) {
		if !given {
			return
		}
		change := contexts.Change{Setting: setting}
		if value != "" {
			change.Values = []string{value}
		}
		changes = append(changes, change)
	}
	if a.given(settingEndpoints) {
		changes = append(changes, contexts.Change{Setting: settingEndpoints, Values: a.flags.Endpoints})
	}
	for _, f := range []struct{ setting, value string }{
		{settingCACert, a.flags.CACert}, {settingCert, a.flags.Cert}, {settingKey, a.flags.Key},
	} {
		file, err := absolute(f.value)
		if err != nil {
			return nil, err
		}
		set(f.setting, a.given(f.setting), file)
	}
	insecure, dial := "", ""
	if a.flags.InsecureSkipVerify {
		insecure = strconv.FormatBool(true)
	}
	if a.flags.DialTimeout > 0 {
		dial = a.flags.DialTimeout.String()
	}
	set(settingServer, a.given(settingServer), a.flags.ServerName)
	set(settingInsecure, a.given(settingInsecure), insecure)
	set(settingDial, a.given(settingDial), dial)
	set(settingUser, a.given(settingUser), a.flags.User)
	password, err := o.password()
	if err != nil {
		return nil, err
	}
	changes = append(changes, password...)
	if len(changes) == 0 {
		return nil, usageError("nothing to set: give --endpoints, say")
	}
	return changes, nil
}

// The settings that say where a password is; a context has one of them.
var passwordSettings = []string{"password-file", "password-env", "password"}

// password puts the place that was asked for in the place of any other. Without a user there is none.
func (o *contextSetOptions) password() ([]contexts.Change, error) {
	given := 0
	for _, flag := range []string{"password-file", "password-env", "password-stdin"} {
		if o.given(flag) {
			given++
		}
	}
	none := o.app.given(settingUser) && o.app.flags.User == ""
	switch {
	case given > 1:
		return nil, usageError("--password-file, --password-env and --password-stdin are three places for one password")
	case given > 0 && none:
		return nil, usageError("a password goes with a --user")
	case given == 0 && !none:
		return nil, nil
	}
	values := make([]string, len(passwordSettings))
	var err error
	if values[0], err = absolute(o.file); err != nil {
		return nil, err
	}
	values[1] = o.variable
	if o.stdin {
		secret, err := contexts.ReadSecret(o.app.In)
		if err != nil {
			return nil, usageError("--password-stdin: %w", err)
		}
		values[2] = string(secret)
	}
	var changes []contexts.Change
	for i, setting := range passwordSettings {
		change := contexts.Change{Setting: setting}
		if values[i] != "" {
			change.Values = values[i : i+1]
		}
		changes = append(changes, change)
	}
	return changes, nil
}

func absolute(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	file, err := filepath.Abs(file)
	if err != nil {
		return "", exit(exitConfig, err)
	}
	return file, nil
}

// tell writes what was done, unless nothing but errors is to be told.
func (a *app) tell(format string, args ...any) {
	if !a.quiet {
		a.say("coord: "+format+"\n", args...)
	}
}
