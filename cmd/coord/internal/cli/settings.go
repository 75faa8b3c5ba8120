//go:build unix

package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/cmd/coord/internal/contexts"
)

// The names of the settings, as flags and the file of contexts have them.
const (
	settingContext   = "context"
	settingEndpoints = "endpoints"
	settingCACert    = "cacert"
	settingCert      = "cert"
	settingKey       = "key"
	settingServer    = "server-name"
	settingInsecure  = "insecure-skip-tls-verify"
	settingUser      = "user"
	settingPassword  = "password"
	settingDial      = "dial-timeout"
)

// effective are the settings in use. A context and the variables each may name a store; what goes with a store, its TLS files, user and
// password, is used with that store only.
type effective struct {
	etcd.Settings
	from    map[string]string // where each setting comes from, by its name; what is not set is not in it
	context string            // the context in use, or none
	aside   string            // why the context that was asked for is not
	bare    bool              // what the environment sets is not used, for it goes with another store
}

// layer is where settings come from.
type layer struct {
	etcd.Settings
	source   func(setting string) string
	insecure bool // InsecureSkipVerify is set, to true or false
	// password fetches the password when it is used; nil: it is in Settings.
	password func() (string, error)
}

// settings lays flags over the environment and the context.
func (a *app) settings() (etcd.Settings, error) {
	e, err := a.effective()
	if err != nil {
		return etcd.Settings{}, err
	}
	return e.Settings, nil
}

// effective finds the settings once; what is to be told of the file is told then.
func (a *app) effective() (*effective, error) {
	if a.found != nil {
		return a.found, nil
	}
	env, err := etcd.SettingsFromEnv(a.LookupEnv)
	if err != nil {
		return nil, exit(exitConfig, err)
	}
	flags, err := a.flagLayer()
	if err != nil {
		return nil, err
	}
	e := &effective{from: make(map[string]string)}
	chosen, err := a.choose(len(flags.Endpoints) > 0 || len(env.Endpoints) > 0)
	if err != nil {
		return nil, err
	}
	for _, l := range e.order(flags, a.envLayer(env), chosen) {
		if err := e.add(l); err != nil {
			return nil, exit(exitConfig, err)
		}
	}
	if e.DialTimeout == 0 {
		e.DialTimeout = dialTimeout
	}
	for _, warning := range chosen.warnings {
		if !a.quiet {
			a.say("coord: %s\n", warning)
		}
	}
	if slices.ContainsFunc(e.Endpoints, contexts.HasLogin) {
		return nil, exit(exitConfig, fmt.Errorf("%s: %w", e.from[settingEndpoints], contexts.ErrLogin))
	}
	a.debugSettings(e)
	a.found = e
	return e, nil
}

// order returns the layers in the order in which they count.
func (e *effective) order(flags, env layer, chosen *choice) []layer {
	if chosen.name == "" {
		return []layer{flags, env}
	}
	named := flags.Endpoints
	if len(named) == 0 && !chosen.flag {
		named = env.Endpoints
	}
	if !chosen.flag && len(named) > 0 && !sameEndpoints(named, chosen.Endpoints) {
		e.aside = fmt.Sprintf("context %q is set aside: %s", chosen.name, otherStore(flags, env))
		return []layer{flags, env}
	}
	e.context, e.from[settingContext] = chosen.name, chosen.by
	if !chosen.flag {
		return []layer{flags, env, chosen.layer}
	}
	if len(env.Endpoints) > 0 && !sameEndpoints(env.Endpoints, chosen.Endpoints) {
		e.bare = true
		env.Settings = etcd.Settings{DialTimeout: env.DialTimeout}
		env.insecure = false
	}
	return []layer{flags, chosen.layer, env}
}

func otherStore(flags, env layer) string {
	source := env.source(settingEndpoints)
	if len(flags.Endpoints) > 0 {
		source = flags.source(settingEndpoints)
	}
	return source + " names other endpoints"
}

func sameEndpoints(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// add takes from a layer what is not set yet.
func (e *effective) add(l layer) error {
	note := func(setting string, taken bool) {
		if taken {
			e.from[setting] = l.source(setting)
		}
	}
	take := func(to *string, v, setting string) {
		note(setting, *to == "" && v != "")
		*to = cmp.Or(*to, v)
	}
	if len(e.Endpoints) == 0 && len(l.Endpoints) > 0 {
		e.Endpoints = l.Endpoints
		note(settingEndpoints, true)
	}
	take(&e.CACert, l.CACert, settingCACert)
	take(&e.Cert, l.Cert, settingCert)
	take(&e.Key, l.Key, settingKey)
	take(&e.ServerName, l.ServerName, settingServer)
	if e.from[settingInsecure] == "" && l.insecure {
		e.InsecureSkipVerify = l.InsecureSkipVerify
		note(settingInsecure, true)
	}
	note(settingDial, e.DialTimeout == 0 && l.DialTimeout != 0)
	e.DialTimeout = cmp.Or(e.DialTimeout, l.DialTimeout)
	if e.User != "" {
		return nil // a password of another layer goes with another user
	}
	take(&e.User, l.User, settingUser)
	password := l.Password
	if e.Password == "" && l.password != nil {
		var err error
		if password, err = l.password(); err != nil {
			return err
		}
	}
	take(&e.Password, password, settingPassword)
	return nil
}

// flagLayer are the flags.
func (a *app) flagLayer() (layer, error) {
	l := layer{Settings: a.flags, source: func(setting string) string { return "--" + setting }, insecure: a.given(settingInsecure)}
	if a.given(settingEndpoints) && len(l.Endpoints) == 0 {
		return l, usageError("--endpoints is empty")
	}
	if l.DialTimeout < 0 {
		return l, usageError("--dial-timeout %v is negative", l.DialTimeout)
	}
	if user, password, ok := strings.Cut(l.User, ":"); ok && l.Password == "" {
		l.User, l.Password = user, password
		l.source = func(setting string) string {
			if setting == settingPassword {
				setting = settingUser
			}
			return "--" + setting
		}
	}
	return l, nil
}

// given says whether one of the flags that all commands have was given.
func (a *app) given(flag string) bool {
	f := a.global.Lookup(flag)
	return f != nil && f.Changed
}

// envLayer are the settings of the environment. Their source is the variable that counted.
func (a *app) envLayer(s etcd.Settings) layer {
	source := func(setting string) string { return a.variable(variableOf(setting)) }
	return layer{Settings: s, source: func(setting string) string {
		v := source(setting)
		if password, _ := a.LookupEnv(v); setting == settingPassword && password != s.Password {
			return source(settingUser) // name:password
		}
		return v
	}, insecure: source(settingInsecure) != ""}
}

// variableOf is a setting's variable, without its prefix.
func variableOf(setting string) string { return strings.ToUpper(strings.ReplaceAll(setting, "-", "_")) }

// variable is the variable that counts for a name, or nothing if none is set.
func (a *app) variable(name string) string {
	for _, prefix := range []string{"COORD_", "ETCDCTL_"} {
		if v, _ := a.LookupEnv(prefix + name); v != "" {
			return prefix + name
		}
	}
	return ""
}
