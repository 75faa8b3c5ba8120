package httplb

import (
	"net/http"
	"sync"
	"time"

	"github.com/coordkit/coord/primitives/registry"
)

// Transport is an http.RoundTripper whose hosts are services. All methods are safe for concurrent use.
type Transport struct {
	r    *registry.Registry
	opts Options

	mu       sync.Mutex
	closed   bool
	services map[string]*service
	swept    time.Time // when services were last looked through for those that are not used
}

var _ http.RoundTripper = (*Transport)(nil)

// New returns a transport on r. It does no I/O; the first request to a service opens a view of it.
func New(r *registry.Registry, opts *Options) *Transport {
	return &Transport{r: r, opts: opts.withDefaults(), services: make(map[string]*service), swept: time.Now()}
}

// CloseIdleConnections closes those of the base transport, and gives back the views that no request uses.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	t.giveBackLocked(func(*service) bool { return true })
	t.mu.Unlock()
	if base, ok := t.opts.Base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// Close gives back all views and closes the idle connections of the base transport. Requests that wait for a view, and all
// later ones, return kv.ErrClosed; others go on. It returns nil.
func (t *Transport) Close() error {
	t.mu.Lock()
	t.closed = true
	for _, s := range t.services {
		s.view.Close()
	}
	t.services = nil
	t.mu.Unlock()
	t.CloseIdleConnections()
	return nil
}

// RoundTrip sends the request to an instance of the service that the URL's host names; see the package comment.
//
// It returns kv.ErrInvalid for a host that names no service, ErrNone if nobody can take the request, kv.ErrClosed after Close,
// what the request's ctx ended with, or an *Error with the cause that the base transport's last attempt failed for.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	p := trip{t: t, req: req}
	resp, err := p.run()
	if !p.handed && req.Body != nil {
		_ = req.Body.Close() // as a RoundTripper must
	}
	return resp, err
}
