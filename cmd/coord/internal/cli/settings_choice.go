//go:build unix

package cli

import (
	"errors"
	"fmt"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/cmd/coord/internal/contexts"
)

// choice is the context that was chosen, as a layer.
type choice struct {
	layer
	name     string // empty: none
	by       string // what chose it
	flag     bool   // which was the flag: then it counts as flags do, before the environment
	warnings []string
}

// choose finds the context: the one that --context names, or COORD_CONTEXT, or the current one of the file. That is not asked for where
// flags or variables have said which store it is, so that a file that is broken is in nobody's way there.
func (a *app) choose(elsewhere bool) (*choice, error) {
	none := &choice{}
	c := &choice{name: a.contextName, by: "--context", flag: true}
	if a.given(settingContext) && c.name == "" {
		return nil, usageError("--context is empty; %q is to use no context", contexts.None)
	}
	if c.name == "" {
		c.flag, c.by = false, "COORD_CONTEXT"
		c.name, _ = a.LookupEnv(c.by)
	}
	if c.name == contexts.None || c.name == "" && elsewhere {
		return none, nil
	}
	file, err := a.readContexts()
	switch {
	case err != nil && c.name == "" && errors.Is(err, errNoHome):
		return none, nil
	case err != nil:
		return nil, err
	case c.name == "":
		c.name, c.by = file.Current, "current in "+file.Path
	}
	if c.name == "" {
		return none, nil
	}
	found, err := file.Find(c.name)
	if err != nil {
		return nil, exit(exitConfig, fmt.Errorf("%w (%s)", err, c.by))
	}
	if file.Exposed {
		c.warnings = append(c.warnings, exposedFile(file.Path))
	}
	c.layer = a.contextLayer(found, &c.warnings)
	return c, nil
}

func exposedFile(path string) string {
	return fmt.Sprintf("others can read %s, and a password is in it: chmod 600 it", path)
}

func (a *app) contextLayer(c contexts.Context, warnings *[]string) layer {
	return layer{
		Settings: etcd.Settings{
			Endpoints: c.Endpoints, CACert: c.CACert, Cert: c.Cert, Key: c.Key, ServerName: c.ServerName,
			InsecureSkipVerify: c.InsecureSkipVerify, User: c.User, DialTimeout: c.DialTimeout,
		},
		insecure: c.InsecureSkipVerify,
		source: func(setting string) string {
			source := fmt.Sprintf("context %q", c.Name)
			if from := c.PasswordFrom(); setting == settingPassword {
				source += ", " + from
			}
			return source
		},
		password: func() (string, error) {
			password, exposed, err := c.GetPassword(a.LookupEnv)
			if exposed != "" {
				*warnings = append(*warnings, exposedFile(exposed))
			}
			return string(password), err
		},
	}
}

// errNoHome says that there is no place for the file of contexts.
var errNoHome = errors.New("no home directory for the file of contexts: set HOME or COORD_CONFIG")

// configFile is the name of the file of contexts.
func (a *app) configFile() (path, home string, err error) {
	home, _ = a.LookupEnv("HOME")
	if home == "" && a.Home != nil {
		home = a.Home()
	}
	if path = contexts.Locate(a.LookupEnv, home); path == "" {
		return "", "", exit(exitConfig, errNoHome)
	}
	return path, home, nil
}

func (a *app) readContexts() (*contexts.File, error) {
	path, home, err := a.configFile()
	if err != nil {
		return nil, err
	}
	f, err := contexts.Read(path, home)
	if err != nil {
		return nil, exit(exitConfig, fmt.Errorf("contexts: %w", err))
	}
	return f, nil
}
