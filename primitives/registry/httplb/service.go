package httplb

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
)

// service is what the transport keeps for a service that requests go to.
type service struct {
	name string
	view *registry.View
	pick Pick

	plain, secure atomic.Pointer[candidates] // of the newest snapshot, by what the URL asks for

	requests int       // that use it now; guarded by Transport.mu
	used     time.Time // when one came last; guarded by Transport.mu
}

// candidates are those of a snapshot that can take a request.
type candidates struct {
	of   *registry.Snapshot
	them *registry.Snapshot // the same with fewer instances
}

// acquire returns the service called name, for one request, and gives back the views of services that were not used for long.
func (t *Transport) acquire(name string) (*service, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, kv.ErrClosed
	}
	now := time.Now()
	s := t.services[name]
	if s == nil {
		s = &service{name: name, view: t.r.View(name), pick: t.opts.NewPick(name)}
		t.services[name] = s
	}
	s.requests++
	s.used = now
	if now.Sub(t.swept) >= t.opts.Idle {
		t.swept = now
		t.giveBackLocked(func(s *service) bool { return now.Sub(s.used) >= t.opts.Idle })
	}
	return s, nil
}

func (t *Transport) release(s *service) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.requests--
}

// giveBackLocked closes the views of services that no request uses and that are old.
func (t *Transport) giveBackLocked(old func(*service) bool) {
	for name, s := range t.services {
		if s.requests == 0 && old(s) {
			s.view.Close()
			delete(t.services, name)
		}
	}
}

// known returns the newest snapshot, and waits for the first one, for so long.
func (s *service) known(ctx context.Context, wait time.Duration) (*registry.Snapshot, error) {
	snap := s.view.Snapshot()
	if snap.Health != registry.Never {
		return snap, nil
	}
	bounded, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	known, err := s.view.WaitFor(bounded, 0)
	switch {
	case err == nil:
		return known, nil
	case ctx.Err() != nil || bounded.Err() == nil:
		return nil, err // the caller's own end, or a registry or a view of no use
	}
	return nil, &NoneError{Service: s.name, Health: registry.Never, Err: s.view.Snapshot().Err}
}

// candidates returns those that can take a request to u, but for the ones it was sent to.
func (t *Transport) candidates(s *service, snap *registry.Snapshot, u *url.URL, tried []*registry.Instance) *registry.Snapshot {
	cache := &s.plain
	if u.Scheme == "https" {
		cache = &s.secure
	}
	c := cache.Load()
	if c == nil || c.of != snap {
		suits := func(i *registry.Instance) bool { _, ok := t.endpoint(i, u.Scheme); return ok }
		filters := append(slices.Clip(t.opts.Filters), registry.ServingOnly, suits)
		c = &candidates{of: snap, them: with(snap, snap.Select(filters...))}
		cache.Store(c)
	}
	if len(tried) == 0 {
		return c.them
	}
	return with(c.them, c.them.Select(func(i *registry.Instance) bool {
		return !slices.ContainsFunc(tried, func(t *registry.Instance) bool { return t.ID == i.ID })
	}))
}

// with returns the snapshot with other instances.
func with(s *registry.Snapshot, instances []*registry.Instance) *registry.Snapshot {
	c := *s
	c.Instances = instances
	return &c
}

// endpoint returns where a request with the scheme is sent at an instance, if it can be.
func (t *Transport) endpoint(i *registry.Instance, scheme string) (registry.Endpoint, bool) {
	for _, e := range i.Endpoints {
		if t.opts.Endpoint != "" && e.Name != t.opts.Endpoint {
			continue
		}
		switch e.Scheme {
		case "http", "https", "":
			// What the store says never takes TLS away.
			if scheme != "https" || e.Scheme != "http" {
				if scheme == "https" {
					e.Scheme = scheme
				}
				e.Scheme = cmp.Or(e.Scheme, "http")
				return e, true
			}
		}
	}
	return registry.Endpoint{}, false
}
