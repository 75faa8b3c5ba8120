package main

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/coordkit/coord/primitives/registry"
)

// kinds are the ways to register that are compared.
func kinds(goal string, block func(make newRegistrar) func() block) []way {
	return []way{{"coord", goal, block(newOurRegistrar)}, {naming, "", block(newPeerRegistrar)}}
}

// crowds measures a thousand that come at once, or go at once, until everybody who looks on shows that. Calls are of each.
func crowds(s *stage, coming bool) []way {
	const processes, lookers, size = 20, 4, 1000
	return kinds("", func(make newRegistrar) func() block {
		var registrars, looks []registrar
		for range processes {
			registrars = append(registrars, make(s, registry.DefaultTTL))
		}
		for range lookers {
			looks = append(looks, make(s, registry.DefaultTTL))
		}
		return func() block {
			b := s.samples(1, func() sample {
				c := newCrowd(s, registrars, looks)
				defer c.close()
				come := c.until(size, func(i int) { c.join(i) })
				gone := c.until(0, func(i int) { c.members[i].leave() })
				dismiss(c.members)
				if coming {
					return sample{come.took, come.calls / size}
				}
				return sample{gone.took, gone.calls / size}
			})
			b.ops = size
			return b
		}
	})
}

// crowd is many in one service.
type crowd struct {
	stage      *stage
	service    string
	registrars []registrar
	looks      []onlooker
	members    []member
}

func newCrowd(s *stage, registrars, looks []registrar) *crowd {
	c := &crowd{stage: s, service: s.name(), registrars: registrars, members: make([]member, 1000)}
	for _, r := range looks {
		c.looks = append(c.looks, r.watch(c.service))
	}
	return c
}

func (c *crowd) close() {
	for _, l := range c.looks {
		l.close()
	}
}

func (c *crowd) join(i int) {
	c.members[i] = c.registrars[i%len(c.registrars)].join(c.service, strconv.Itoa(i), "zone")
}

// until has all do something at once, and returns what it takes until all who look on show so many.
func (c *crowd) until(n int, do func(i int)) sample {
	var counted []<-chan moment
	for _, l := range c.looks {
		counted = append(counted, l.counts(n))
	}
	var doing sync.WaitGroup
	start := c.stage.now()
	for i := range c.members {
		doing.Go(func() { do(i) })
	}
	var last sample
	for _, at := range counted {
		last.took = max(last.took, (<-at).since(start).took)
	}
	doing.Wait()
	time.Sleep(parked)
	last.calls = c.stage.now().since(start).calls
	return last
}

// deaths measures processes that end without a word: from the end of the TTL after the last answer to a renewal, until the instance is
// shown no more. Each is of a service of its own, in which somebody else stays.
func deaths(s *stage) []way {
	const ttl, victims = 3 * time.Second, 8
	return kinds("≤ 500 ms", func(make newRegistrar) func() block {
		r := make(s, registry.DefaultTTL)
		return func() block {
			var (
				late  = slices.Repeat([]float64{0}, victims)
				stay  = slices.Repeat([]member{nil}, victims)
				dying sync.WaitGroup
			)
			for i := range late {
				service, victim := s.name(), make(s, ttl)
				stay[i] = r.join(service, "other", "zone")
				o := r.watch(service)
				dying.Go(func() {
					defer o.close()
					late[i] = float64(s.death(service, victim, o) - ttl)
				})
			}
			dying.Wait()
			dismiss(stay)
			return block{values: late, cost: math.NaN()}
		}
	})
}

// death kills a process with an instance in the service, and returns how long after the last renewal it is shown.
func (s *stage) death(service string, victim registrar, o onlooker) time.Duration {
	time.Sleep(rand.N(500 * time.Millisecond)) // in no step with the clock by which etcd looks for what has run out
	seen := o.counts(2)
	lease := victim.join(service, "victim", "zone").lease()
	<-seen
	for s.wire.renewed(lease).IsZero() {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(rand.N(500 * time.Millisecond)) // the next renewal is not due yet
	gone := o.counts(1)
	victim.kill()
	return (<-gone).at.Sub(s.wire.renewed(lease))
}

// idle measures what each of a thousand takes that do nothing.
func idle(s *stage, measure func() int64, begin func(r registrar, service string, n int) (end func())) []way {
	const many = 1000
	return kinds("", func(make newRegistrar) func() block {
		r := make(s, registry.DefaultTTL)
		return func() block {
			return samples(1, func() float64 {
				service := s.name()
				r.watch(service).close() // the client has its streams
				before := measure()
				end := begin(r, service, many)
				time.Sleep(parked)
				took := measure() - before
				end()
				return float64(took) / many
			})
		}
	})
}

func running() int64 { return int64(runtime.NumGoroutine()) }

// enrolled are registrations.
func enrolled(r registrar, service string, n int) (end func()) {
	members := slices.Repeat([]member{nil}, n)
	var joining sync.WaitGroup
	for i := range members {
		joining.Go(func() { members[i] = r.join(service, strconv.Itoa(i), "zone") })
	}
	joining.Wait()
	return func() { dismiss(members) }
}

// looking are those who look on, and wait for something that does not come.
func looking(r registrar, service string, n int) (end func()) {
	looks := slices.Repeat([]onlooker{nil}, n)
	for i := range looks {
		looks[i] = r.watch(service)
		looks[i].counts(1)
	}
	return func() {
		for _, l := range looks {
			l.close()
		}
	}
}
