package main

import (
	"context"
	"errors"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/naming/endpoints"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
)

const naming = "etcd naming"

// registrar is a process, with a client of its own, that registers instances, or looks on at them.
type registrar interface {
	join(service, id, zone string) member
	watch(service string) onlooker
	// kill ends the process without a farewell.
	kill()
}

// member is an instance that somebody has registered.
type member interface {
	lease() clientv3.LeaseID
	// move says that it is in another zone.
	move(zone string)
	// drain says that it takes no more work, and leave that it goes.
	drain()
	leave()
	// forget has nothing left of it.
	forget()
}

// dismiss forgets them all, and returns when all is quiet: a view shows the first that goes at once, and the others a while later.
func dismiss(members []member) {
	var leaving sync.WaitGroup
	for _, m := range members {
		leaving.Go(m.forget)
	}
	leaving.Wait()
	time.Sleep(2 * parked)
}

// onlooker is who shows a service's instances. One at a time waits for what it shows.
type onlooker interface {
	// sees tells when it shows the instance in the zone; in none once it takes no work, or is not there.
	sees(id, zone string) <-chan moment
	// counts tells when it shows so many instances.
	counts(n int) <-chan moment
	close()
}

// newRegistrar makes a registrar whose leases have the TTL.
type newRegistrar func(s *stage, ttl time.Duration) registrar

type ourRegistrar struct {
	stage *stage
	st    *etcd.Storage
	r     *registry.Registry
}

func newOurRegistrar(s *stage, ttl time.Duration) registrar {
	st := s.storage()
	r := registry.New(st, &registry.Options{TTL: ttl, Linger: -1})
	s.later(func() { _ = r.Close(background) }) // the storage may be closed before
	return ourRegistrar{s, st, r}
}

type ourMember struct {
	*registry.Registration
	c *clientv3.Client
}

func (r ourRegistrar) join(service, id, zone string) member {
	i := registry.Instance{Service: service, ID: id, Zone: zone, Endpoints: []registry.Endpoint{{Address: address}}}
	return ourMember{must(r.r.Register(background, i)), r.st.Client()}
}

func (r ourRegistrar) kill() { check(r.st.Close()) }

func (m ourMember) lease() clientv3.LeaseID { return clientv3.LeaseID(m.Instance().Lease) }
func (m ourMember) drain()                  { check(m.Drain(background, 0)) }
func (m ourMember) leave()                  { check(m.Close(background)) }

func (m ourMember) move(zone string) {
	check(m.Update(background, func(i *registry.Instance) { i.Zone = zone }))
}

// forget ends the lease that a farewell leaves to run out.
func (m ourMember) forget() {
	lease := m.lease()
	m.leave()
	must(m.c.Revoke(background, lease))
}

type ourOnlooker struct {
	stage *stage
	view  *registry.View
}

func (r ourRegistrar) watch(service string) onlooker {
	v := r.r.View(service)
	must(v.WaitFor(background, 0))
	return ourOnlooker{r.stage, v}
}

func (o ourOnlooker) close() { o.view.Close() }

func (o ourOnlooker) when(good func(s *registry.Snapshot) bool) <-chan moment {
	at := make(chan moment, 1)
	go func() {
		now := o.view.Snapshot()
		for !good(now) {
			var err error
			if now, err = o.view.Next(background, now.Gen); errors.Is(err, kv.ErrClosed) {
				return
			}
			check(err)
		}
		at <- o.stage.now()
	}()
	return at
}

func (o ourOnlooker) sees(id, zone string) <-chan moment {
	return o.when(func(s *registry.Snapshot) bool {
		i := s.Instance(id)
		if i == nil || i.Status != registry.Serving {
			return zone == ""
		}
		return zone == i.Zone
	})
}

func (o ourOnlooker) counts(n int) <-chan moment {
	return o.when(func(s *registry.Snapshot) bool { return len(s.Instances) == n })
}

type peerRegistrar struct {
	stage *stage
	c     *clientv3.Client
	ttl   time.Duration
}

func newPeerRegistrar(s *stage, ttl time.Duration) registrar {
	return peerRegistrar{s, s.client(), ttl}
}

type peerMember struct {
	m   endpoints.Manager
	c   *clientv3.Client
	key string
	id  clientv3.LeaseID
}

func (r peerRegistrar) manager(service string) endpoints.Manager {
	return must(endpoints.NewManager(r.c, service))
}

func (r peerRegistrar) join(service, id, zone string) member {
	l := must(r.c.Grant(background, int64(r.ttl/time.Second)))
	renewals := must(r.c.KeepAlive(background, l.ID))
	go func() {
		for range renewals {
		}
	}()
	m := peerMember{r.manager(service), r.c, service + "/" + id, l.ID}
	m.move(zone)
	return m
}

func (r peerRegistrar) kill() { check(r.c.Close()) }

func (m peerMember) lease() clientv3.LeaseID { return m.id }
func (m peerMember) drain()                  { check(m.m.DeleteEndpoint(background, m.key)) }

func (m peerMember) move(zone string) {
	check(m.m.AddEndpoint(background, m.key, endpoints.Endpoint{Addr: address, Metadata: zone}, clientv3.WithLease(m.id)))
}

func (m peerMember) leave() {
	m.drain()
	must(m.c.Revoke(background, m.id))
}

func (m peerMember) forget() {
	_, _ = m.c.Revoke(background, m.id) // it may be gone, and its key with it
}

// peerOnlooker keeps the endpoints in a map, as the peer's resolver does.
type peerOnlooker struct {
	stage   *stage
	service string
	stop    context.CancelFunc

	mu    sync.Mutex
	shown map[string]endpoints.Endpoint
	good  func() bool // what is waited for; nil: nothing
	at    chan moment
}

func (r peerRegistrar) watch(service string) onlooker {
	ctx, stop := context.WithCancel(background)
	updates := must(r.manager(service).NewWatchChannel(ctx))
	o := &peerOnlooker{stage: r.stage, service: service, stop: stop, shown: make(map[string]endpoints.Endpoint)}
	go func() {
		for some := range updates {
			o.take(some)
		}
	}()
	return o
}

func (o *peerOnlooker) close() { o.stop() }

func (o *peerOnlooker) take(updates []*endpoints.Update) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, u := range updates {
		if u.Op == endpoints.Add {
			o.shown[u.Key] = u.Endpoint
		} else {
			delete(o.shown, u.Key)
		}
	}
	o.lookLocked()
}

func (o *peerOnlooker) lookLocked() {
	if o.good != nil && o.good() {
		o.at <- o.stage.now()
		o.good = nil
	}
}

func (o *peerOnlooker) when(good func() bool) <-chan moment {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.good, o.at = good, make(chan moment, 1)
	o.lookLocked()
	return o.at
}

func (o *peerOnlooker) sees(id, zone string) <-chan moment {
	return o.when(func() bool {
		e, ok := o.shown[o.service+"/"+id]
		return ok && e.Metadata == zone || !ok && zone == ""
	})
}

func (o *peerOnlooker) counts(n int) <-chan moment {
	return o.when(func() bool { return len(o.shown) == n })
}
