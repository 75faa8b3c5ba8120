package etcd

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/grpc"

	"github.com/coordkit/coord/kv"
)

// DefaultDialTimeout is how long a call waits for a connection where [Options] do not say.
const DefaultDialTimeout = 5 * time.Second

// Options say how a storage reaches its store and what it reports. Nil and zero fields mean the defaults. [New] takes an
// existing client and uses DialTimeout and Logger only.
type Options struct {
	// TLS is used for endpoints of the https and unixs schemes and for those without a scheme. Nil: the system's
	// roots for https and unixs, none otherwise. With an http endpoint it is an error, for it would be ignored.
	TLS *tls.Config
	// Username and Password sign in to a store that has authentication on. Both or none.
	Username, Password string
	// DialTimeout bounds how long a call waits while there is no connection to any endpoint; then it fails with
	// [kv.ErrUnavailable]. A call whose ctx ends sooner ends then. Zero: [DefaultDialTimeout]; negative: kv.ErrInvalid.
	DialTimeout time.Duration
	// Logger gets what happens in the background: lost watches, renewals that fail. Nil is silent.
	Logger *slog.Logger
	// DialOptions are added after the ones that Open chooses and win over them: a dialer, interceptors.
	DialOptions []grpc.DialOption
}

// resolved returns opts with the defaults filled in. It never returns the caller's own struct.
func (opts *Options) resolved() (Options, error) {
	var o Options
	if opts != nil {
		o = *opts
	}
	if o.DialTimeout < 0 {
		return o, fmt.Errorf("%w: dial timeout %v is negative", kv.ErrInvalid, o.DialTimeout)
	}
	if o.DialTimeout == 0 {
		o.DialTimeout = DefaultDialTimeout
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if (o.Username == "") != (o.Password == "") {
		return o, fmt.Errorf("%w: user name and password go together, one of them is empty", kv.ErrInvalid)
	}
	return o, nil
}
