package httplb

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coordkit/coord/primitives/registry"
)

// What Options mean where they say nothing.
const (
	DefaultRetries   = 2
	DefaultWaitFirst = 5 * time.Second
	DefaultIdle      = 5 * time.Minute
)

// Options are the settings of a Transport. Nil and zero fields mean the defaults.
type Options struct {
	// Base sends the requests, each to the address of an instance; default: a copy of [http.DefaultTransport] that uses no proxy,
	// for a proxy would be asked for the service's name.
	Base http.RoundTripper
	// Endpoint is the name of the endpoints to use; empty: the first of an instance that suits the URL.
	Endpoint string
	// Filters choose the instances, beside that they are Serving.
	Filters []registry.Filter
	// NewPick returns what picks the instances of a service; default [RoundRobin]. It is called again when a service was not
	// used for long.
	NewPick func(service string) Pick
	// Retries is how many further instances a request is sent to, at most, where that is safe, see the package comment; default
	// DefaultRetries, negative: none.
	Retries int
	// WaitFirst is how long a request waits, at most, for the store to answer for the first time; default DefaultWaitFirst,
	// negative: not at all. The request's ctx bounds it, too.
	WaitFirst time.Duration
	// Idle is how long the view of a service is kept that no request goes to; default DefaultIdle.
	Idle time.Duration
}

// Pick picks an instance of a snapshot for one request. The snapshot has at least one instance, and only such as can take the
// request; it may have fewer than the last one though its Gen is the same, without those that the request has been sent to
// already. It must not be written to.
//
// If done is not nil, it is called once: with the error of the attempt, or with nil when the response has been read to its end
// or closed. An error of Pick fails the request, with ErrNone. It must be safe for concurrent use.
type Pick func(s *registry.Snapshot) (i *registry.Instance, done func(error), err error)

// RoundRobin picks one instance after the other, in the order of their IDs, from a random one on.
func RoundRobin() Pick {
	var next atomic.Uint64
	next.Store(rand.Uint64())
	return func(s *registry.Snapshot) (*registry.Instance, func(error), error) {
		return s.Instances[next.Add(1)%uint64(len(s.Instances))], nil, nil
	}
}

func (o *Options) withDefaults() Options {
	var out Options
	if o != nil {
		out = *o
	}
	if out.Base == nil {
		out.Base = http.DefaultTransport
		if t, ok := out.Base.(*http.Transport); ok {
			own := t.Clone()
			own.Proxy = nil // one is told the Host header, which is the service's name, and not the instance's address
			out.Base = own
		}
	}
	if out.NewPick == nil {
		out.NewPick = func(string) Pick { return RoundRobin() }
	}
	out.Retries = max(0, cmp.Or(out.Retries, DefaultRetries))
	out.WaitFirst = max(0, cmp.Or(out.WaitFirst, DefaultWaitFirst))
	out.Idle = cmp.Or(out.Idle, DefaultIdle)
	return out
}
