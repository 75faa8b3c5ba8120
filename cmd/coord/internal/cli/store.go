//go:build unix

package cli

import (
	"context"
	"errors"
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
	context  string // the context that the settings are from, or none
	bare     bool   // what the environment sets goes with another store
	closers  []func() error
}

// Unwrap gives the storage's capabilities to who looks for them.
func (s *store) Unwrap() kv.Storage { return s.Storage }

// Close closes the storage, and then gives up the share in the local store if it was one.
func (s *store) Close() error {
	var err error
	for _, c := range s.closers {
		err = errors.Join(err, c())
	}
	return err
}

// open opens the store that is configured, or the local one if none is.
func (a *app) open(ctx context.Context) (*store, error) {
	if a.Store != nil {
		return &store{Storage: a.told(a.Store)}, nil
	}
	e, err := a.effective()
	if err != nil {
		return nil, err
	}
	settings := e.Settings
	if len(settings.Endpoints) > 0 && !(len(settings.Endpoints) == 1 && local.IsLocalEndpoint(settings.Endpoints[0])) {
		st, err := a.openEtcd(settings, nil)
		switch {
		case errors.Is(err, kv.ErrUnavailable): // who has a password signs in first
			return nil, exit(exitUnavailable, err)
		case err != nil:
			return nil, exit(exitConfig, err)
		}
		return &store{Storage: a.told(st), settings: settings, context: e.context, bare: e.bare, closers: []func() error{st.Close}}, nil
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
	a.debug("local store", "started", server.Started())
	st, err := a.openEtcd(settings, &etcd.Options{DialOptions: server.DialOptions()})
	if err != nil {
		return nil, errors.Join(exit(exitConfig, err), server.Close())
	}
	return &store{Storage: a.told(st), settings: settings, closers: []func() error{st.Close, server.Close}}, nil
}
