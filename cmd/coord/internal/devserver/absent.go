//go:build nolocal

package devserver

import "context"

// Linked tells whether this program contains the server.
const Linked = false

// Version is the version of the etcd linked into this program: none.
const Version = ""

// Server cannot be had in a program built with the tag nolocal.
type Server struct{}

// Start returns ErrNotLinked, or ErrInvalid for options that no build would accept.
func Start(_ context.Context, opts *Options) (*Server, error) {
	if err := opts.validate(); err != nil {
		return nil, err
	}
	return nil, ErrNotLinked
}

// Endpoint is empty.
func (*Server) Endpoint() string { return "" }

// Revision is 0.
func (*Server) Revision() int64 { return 0 }

// Leases is 0.
func (*Server) Leases(context.Context) (int, error) { return 0, ErrNotLinked }

// Failed returns nil, a channel that is never closed.
func (*Server) Failed() <-chan struct{} { return nil }

// Err is ErrNotLinked.
func (*Server) Err() error { return ErrNotLinked }

// Close does nothing.
func (*Server) Close() error { return nil }
