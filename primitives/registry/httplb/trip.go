package httplb

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
)

// trip is one request on its way.
type trip struct {
	t      *Transport
	req    *http.Request
	s      *service
	snap   *registry.Snapshot
	tried  []*registry.Instance
	handed bool // the body is the base transport's to close
}

func (p *trip) run() (*http.Response, error) {
	name, err := serviceOf(p.req.URL)
	switch {
	case err != nil:
		return nil, err
	case p.t.r == nil:
		return nil, fmt.Errorf("%w: transport without a registry", kv.ErrInvalid)
	}
	if p.s, err = p.t.acquire(name); err != nil {
		return nil, err
	}
	defer p.t.release(p.s)
	if p.snap, err = p.s.known(p.req.Context(), p.t.opts.WaitFirst); err != nil {
		return nil, err
	}
	for {
		i, e, done, none := p.pick()
		if none != nil {
			return nil, cmp.Or(err, none) // why the last attempt failed tells more than that nobody is left
		}
		var resp *http.Response
		resp, err = p.attempt(e)
		if err == nil {
			return whenRead(resp, done), nil
		}
		err = &Error{Service: name, ID: i.ID, Address: e.Address, Err: err}
		if done != nil {
			done(err)
		}
		p.tried = append(p.tried, i)
		if len(p.tried) > p.t.opts.Retries || p.req.Context().Err() != nil || !safe(p.req, err) {
			return nil, err
		}
		p.snap = p.s.view.Snapshot() // it may know more now
	}
}

// pick returns the instance to send the request to, and where.
func (p *trip) pick() (*registry.Instance, registry.Endpoint, func(error), error) {
	none := &NoneError{Service: p.s.name, Health: p.snap.Health, Registered: len(p.snap.Instances), Err: p.snap.Err}
	among := p.t.candidates(p.s, p.snap, p.req.URL, p.tried)
	if len(among.Instances) == 0 {
		return nil, registry.Endpoint{}, nil, none
	}
	i, done, err := p.s.pick(among)
	if err != nil || i == nil {
		none.Err = err
		return nil, registry.Endpoint{}, nil, none
	}
	e, _ := p.t.endpoint(i, p.req.URL.Scheme) // it has one, or it were no candidate
	return i, e, done, nil
}

// attempt sends the request to one instance.
func (p *trip) attempt(to registry.Endpoint) (*http.Response, error) {
	out := p.req.WithContext(p.req.Context()) // a copy
	if p.handed && p.req.GetBody != nil {
		body, err := p.req.GetBody()
		if err != nil {
			return nil, err
		}
		out.Body = body
	}
	u := *p.req.URL
	u.Scheme, u.Host = to.Scheme, to.Address
	out.URL = &u
	out.Host = cmp.Or(p.req.Host, p.req.URL.Host)
	p.handed = true
	resp, err := p.t.opts.Base.RoundTrip(out)
	if err != nil {
		return nil, err
	}
	resp.Request = p.req // so that its Location, too, is about the service
	return resp, nil
}

// safe reports whether the request can be sent to another instance after the error.
func safe(req *http.Request, err error) bool {
	if req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return false
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return true // nothing was sent
	}
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return req.Header["Idempotency-Key"] != nil || req.Header["X-Idempotency-Key"] != nil
}
