package main

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
)

// wire counts what the candidates send: requests, and bytes both ways, as the connection carries them.
type wire struct{ requests, bytes atomic.Int64 }

// transport is HTTP/2, as client-go has it with a real server, without TLS, as bench has it with etcd.
func (w *wire) transport() http.RoundTripper {
	return counting{&http.Transport{DialContext: w.dial, Protocols: unencrypted()}, w}
}

func unencrypted() *http.Protocols {
	p := new(http.Protocols)
	p.SetUnencryptedHTTP2(true)
	return p
}

func (w *wire) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return countedConn{conn, w}, nil
}

type counting struct {
	http.RoundTripper
	w *wire
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.w.requests.Add(1)
	return c.RoundTripper.RoundTrip(r)
}

type countedConn struct {
	net.Conn
	w *wire
}

func (c countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.w.bytes.Add(int64(n))
	return n, err
}

func (c countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.w.bytes.Add(int64(n))
	return n, err
}
