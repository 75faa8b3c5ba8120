package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/coordkit/coord/primitives/registry"
)

// instance is what would be a process that serves.
type instance struct {
	st  storage
	r   *registry.Registry
	reg *registry.Registration
	srv *http.Server
}

// start starts an instance. It registers when it can work, and not before.
func start(ctx context.Context, open func() (storage, error), id string) (*instance, error) {
	st, err := open()
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	i := &instance{st: st, srv: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, id)
	})}}
	go func() { _ = i.srv.Serve(l) }() // until it is shut down
	// The record of one that was killed, in an earlier run, is in the way until its lease is over.
	i.r = registry.New(st, &registry.Options{TTL: ttl, OnDuplicate: registry.WaitExpiry})
	i.reg, err = i.r.Register(ctx, registry.Instance{
		Service: service, ID: id, Endpoints: []registry.Endpoint{{Name: "http", Address: l.Addr().String()}},
	})
	if err != nil {
		i.kill()
		return nil, err
	}
	return i, nil
}

// leave ends it as SIGTERM should: the clients turn elsewhere, and only then does it stop.
func (i *instance) leave(ctx context.Context) error {
	return errors.Join(i.reg.Drain(ctx, time.Second), i.r.Close(ctx), i.srv.Shutdown(ctx), i.st.Close())
}

// kill ends it at once. It has no effect on one that has left.
func (i *instance) kill() {
	_ = i.srv.Close()
	_ = i.st.Close()
	_ = i.r.Close(context.Background())
}
