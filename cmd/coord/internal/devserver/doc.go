// Package devserver runs one real etcd inside the calling process: a cluster of a single member that talks to nobody,
// for the command's local default and for `coord dev`.
//
// It is the only package of the command that links an etcd server. The build tag nolocal leaves the server out: the
// package keeps its shape, Linked is false and Start returns ErrNotLinked.
//
// The server differs from etcd's defaults where a store of one host calls for it: ticks of 10 ms and elections of 100 ms
// (ready in about a tenth of a second), WAL segments of 1 MiB instead of 64 (2 MB on disk instead of 123), compaction of
// everything older than 5 minutes, gRPC only (no health, metrics or gateway over HTTP, and none of the lock and election
// services, which etcd's clients do not use), and no peer listener at all.
//
// It is put together from etcd's packages etcdserver and v3rpc rather than started by its package embed, whose listeners
// cannot be chosen: that one opens a peer listener, removes whatever it finds at the path of a socket, when it stops as
// well as when it starts, and does not stop before a client that has connected and said nothing goes away.
package devserver

import (
	"errors"
	"fmt"
	"log/slog"
)

// ErrNotLinked is returned by Start in a program built with the tag nolocal.
var ErrNotLinked = errors.New("built without the local server (tag nolocal)")

// ErrInvalid is returned by Start for options that cannot be served: no address, two addresses, or an address that is not
// an IP address and a port.
var ErrInvalid = errors.New("invalid option")

// A NewerDataError says that the data directory was last written by an etcd newer than the one linked here, which leaves
// such data untouched.
type NewerDataError struct {
	Data   string // version of etcd that the data needs, as far as etcd tells it
	Server string // version of the etcd linked into this program
}

// Error names both versions.
func (e *NewerDataError) Error() string {
	return fmt.Sprintf("the data is of etcd %s, which this program's etcd %s cannot read; use a newer coord",
		e.Data, e.Server)
}

// Options say what a server serves, and where. Exactly one of Socket and Listen is set.
type Options struct {
	// DataDir holds the store. It is created with mode 0700 if absent. One process at a time may use it: the caller
	// makes sure of that, for etcd would wait for the other one without end.
	DataDir string
	// Socket is the path of a unix socket. It appears there, in one step, when the server is ready; whatever was there
	// before is replaced. The socket is first bound at the same path with the extension ".new"; a start that fails may
	// leave that behind. The caller makes sure that both paths are nobody else's and the directory is closed to others.
	Socket string
	// Listen is a TCP address, an IP address or localhost and a port; port 0 means any free one. There is no
	// authentication: whoever can connect can do everything.
	Listen string
	// NoSync leaves out fsync: faster, and a crash of the machine may lose or spoil the data.
	NoSync bool
	// Logger gets what etcd logs at level error and above while it is not being closed. Nil is silent.
	Logger *slog.Logger
}

func (o *Options) validate() error {
	switch {
	case o.DataDir == "":
		return fmt.Errorf("%w: no data directory", ErrInvalid)
	case (o.Socket == "") == (o.Listen == ""):
		return fmt.Errorf("%w: exactly one of socket and listen address is needed", ErrInvalid)
	}
	return nil
}
