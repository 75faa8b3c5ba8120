//go:build !nolocal

package devserver

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// provisional is the name under which a socket is bound: beside its own, and not longer if that has an extension, for the
// length of such names is limited.
func provisional(socket string) string {
	return strings.TrimSuffix(socket, filepath.Ext(socket)) + ".new"
}

// listen binds where opts say: a socket under its provisional name, which nobody knows yet. It returns the URL that the
// server tells its clients, and the endpoint for the caller.
func listen(opts *Options) (l *listener, advertised url.URL, endpoint string, err error) {
	if opts.Socket != "" {
		path := provisional(opts.Socket)
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, advertised, "", err
		}
		inner, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		if err != nil {
			return nil, advertised, "", err
		}
		inner.SetUnlinkOnClose(false) // it will have another name, and in the end may be another server's
		return newListener(inner), url.URL{Scheme: "unix", Path: opts.Socket}, "unix://" + opts.Socket, nil
	}
	host, _, err := net.SplitHostPort(opts.Listen)
	if err != nil {
		return nil, advertised, "", fmt.Errorf("%w: listen address: %w", ErrInvalid, err)
	}
	if host != "localhost" && net.ParseIP(host) == nil {
		return nil, advertised, "", fmt.Errorf("%w: listen address %q: the host must be an IP address or localhost",
			ErrInvalid, opts.Listen)
	}
	inner, err := net.Listen("tcp", opts.Listen)
	if err != nil {
		return nil, advertised, "", err
	}
	_, port, err := net.SplitHostPort(inner.Addr().String())
	if err != nil {
		return nil, advertised, "", errors.Join(err, inner.Close())
	}
	endpoint = net.JoinHostPort(host, port)
	return newListener(inner), url.URL{Scheme: "http", Host: endpoint}, endpoint, nil
}

// A listener knows its connections, so that it can cut them all: gRPC's own Stop waits for a client that has connected and
// said nothing, be it stopped, or slow, or only looking whether somebody answers.
type listener struct {
	net.Listener

	mu    sync.Mutex
	conns map[*conn]struct{} // guarded by mu; nil when shut
}

func newListener(inner net.Listener) *listener {
	return &listener{Listener: inner, conns: map[*conn]struct{}{}}
}

func (l *listener) Accept() (net.Conn, error) {
	inner, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: inner, of: l}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns == nil {
		return nil, errors.Join(net.ErrClosed, inner.Close())
	}
	l.conns[c] = struct{}{}
	return c, nil
}

// shut stops listening and cuts all connections. Errors of closing are of no use to anybody.
func (l *listener) shut() {
	_ = l.Close()
	l.mu.Lock()
	conns := l.conns
	l.conns = nil
	l.mu.Unlock()
	for c := range conns {
		_ = c.Conn.Close()
	}
}

type conn struct {
	net.Conn
	of *listener
}

func (c *conn) Close() error {
	c.of.mu.Lock()
	delete(c.of.conns, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}
