//go:build unix

package cli

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/cmd/coord/internal/local"
	"github.com/coordkit/coord/kv"
)

const (
	// answerWithin is how long a store that has never answered is waited for.
	answerWithin = 5 * time.Second
	// dialTimeout is shorter, so that what the connection failed of is told.
	dialTimeout = 4 * time.Second
)

// store is an open store, and how a child finds it too.
type store struct {
	kv.Storage
	settings etcd.Settings
	closers  []func() error
}

// Close closes the storage, and then gives up the share in the local store if it was one.
func (s *store) Close() error {
	var err error
	for _, c := range s.closers {
		err = errors.Join(err, c())
	}
	return err
}

// settings lays flags over the environment.
func (a *app) settings() (etcd.Settings, error) {
	s, err := etcd.SettingsFromEnv(a.LookupEnv)
	if err != nil {
		return s, exit(exitConfig, err)
	}
	if len(a.flags.Endpoints) > 0 {
		s.Endpoints = a.flags.Endpoints
	}
	s.CACert = cmp.Or(a.flags.CACert, s.CACert)
	s.Cert = cmp.Or(a.flags.Cert, s.Cert)
	s.Key = cmp.Or(a.flags.Key, s.Key)
	s.InsecureSkipVerify = a.flags.InsecureSkipVerify || s.InsecureSkipVerify
	if a.flags.User != "" {
		s.User, s.Password = a.flags.User, a.flags.Password
		if user, password, ok := strings.Cut(s.User, ":"); ok && s.Password == "" {
			s.User, s.Password = user, password
		}
	} else {
		s.Password = cmp.Or(a.flags.Password, s.Password)
	}
	if a.flags.DialTimeout < 0 {
		return s, usageError("--dial-timeout %v is negative", a.flags.DialTimeout)
	}
	s.DialTimeout = cmp.Or(a.flags.DialTimeout, s.DialTimeout, dialTimeout)
	return s, nil
}

// open opens the store that is configured, or the local one if none is.
func (a *app) open(ctx context.Context) (*store, error) {
	settings, err := a.settings()
	if err != nil {
		return nil, err
	}
	if len(settings.Endpoints) > 0 && !(len(settings.Endpoints) == 1 && local.IsLocalEndpoint(settings.Endpoints[0])) {
		st, err := settings.Open(nil)
		if err != nil {
			return nil, exit(exitConfig, err)
		}
		return &store{Storage: st, settings: settings, closers: []func() error{st.Close}}, nil
	}
	nested := len(settings.Endpoints) > 0 // handed on by a coord that runs us: it has said so already
	ctx, cancel := context.WithTimeout(ctx, 2*answerWithin)
	defer cancel()
	server, err := local.Open(ctx, nil)
	if err != nil {
		return nil, err
	}
	if !nested && !a.quiet {
		a.say("coord: %s\n", server.Notice())
	}
	settings = etcd.Settings{Endpoints: []string{server.Endpoint()}}
	st, err := settings.Open(&etcd.Options{DialOptions: server.DialOptions()})
	if err != nil {
		return nil, errors.Join(exit(exitConfig, err), server.Close())
	}
	return &store{Storage: st, settings: settings, closers: []func() error{st.Close, server.Close}}, nil
}
