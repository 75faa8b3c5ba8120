package main

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/primitives/registry"
)

var registryRows = []row{
	{"Register, until it returns", nanoseconds, func(s *stage) []way { return joins(s, steps.call) }},
	{"Register called → a view shows it", nanoseconds, func(s *stage) []way { return joins(s, steps.delay) }},
	{"Register returned → a view shows it", nanoseconds, func(s *stage) []way { return joins(s, steps.rest) }},
	{"Update called → a view shows it", nanoseconds, updates},
	{"Drain called → a view shows it; the peer deletes", nanoseconds, func(s *stage) []way { return goings(s, member.drain) }},
	{"Close called → no view shows it", nanoseconds, func(s *stage) []way { return goings(s, member.leave) }},
	{"1,000 of 20 processes register at once, until 4 views show all", nanoseconds, func(s *stage) []way { return crowds(s, true) }},
	{"1,000 of 20 processes close at once, until 4 views show none", nanoseconds, func(s *stage) []way { return crowds(s, false) }},
	{"killed: lateness of the end in a view, over the TTL of 3 s", nanoseconds, deaths},
	{"memory of each of 1,000 registrations", bytesEach, func(s *stage) []way { return idle(s, inUse, enrolled) }},
	{"goroutines of each of 1,000 registrations", each, func(s *stage) []way { return idle(s, running, enrolled) }},
	{"memory of each of 1,000 views of one service", bytesEach, func(s *stage) []way { return idle(s, inUse, looking) }},
	{"goroutines of each of 1,000 views of one service", each, func(s *stage) []way { return idle(s, running, looking) }},
}

// others are there already, in each service in which one comes, changes or goes.
const others = 100

// steps are the moments of a change: it is called, it returns, an onlooker shows it, and nothing more comes of it.
type steps struct{ called, returned, shown, over moment }

func (t steps) sample(from, to moment) sample {
	return sample{to.since(from).took, t.over.since(t.called).calls}
}

func (t steps) call() sample  { return t.sample(t.called, t.returned) }
func (t steps) delay() sample { return t.sample(t.called, t.shown) }
func (t steps) rest() sample  { return t.sample(t.returned, t.shown) }

// observe makes a change. It begins and ends in a quiet time, in which a view shows the first change at once.
func (s *stage) observe(change func(), shown <-chan moment) (t steps) {
	t.called = s.now()
	change()
	t.returned = s.now()
	t.shown = <-shown
	time.Sleep(parked)
	t.over = s.now()
	return t
}

// few is how many changes a block has, each of which has the quiet time after it.
const few = 5

// neighbourhood is a service with others in it, and somebody who looks on.
type neighbourhood struct {
	stage   *stage
	r       registrar
	look    onlooker
	service string
}

func newNeighbourhood(s *stage, make newRegistrar) *neighbourhood {
	n := &neighbourhood{stage: s, r: make(s, registry.DefaultTTL), service: s.name()}
	var joining sync.WaitGroup
	for i := range others {
		joining.Go(func() { n.r.join(n.service, fmt.Sprintf("other-%d", i), "zone") })
	}
	joining.Wait()
	n.look = make(s, registry.DefaultTTL).watch(n.service)
	<-n.look.counts(others)
	s.later(n.look.close)
	time.Sleep(time.Second) // the others begin to watch over their records
	return n
}

// some registers some instances, and waits until they are shown and all is quiet.
func (n *neighbourhood) some() (ids []string, members []member) {
	for range few {
		id := n.stage.name()
		seen := n.look.sees(id, "zone")
		members = append(members, n.r.join(n.service, id, "zone"))
		<-seen
		ids = append(ids, id)
	}
	time.Sleep(parked)
	return ids, members
}

// joins measures registrations. The floor is what both of them do at least: a lease, and a write under it.
func joins(s *stage, of func(steps) sample) []way {
	measure := func(make newRegistrar) func() block {
		n := newNeighbourhood(s, make)
		return func() block {
			var left []member
			b := s.samples(few, func() sample {
				id := s.name()
				return of(s.observe(func() { left = append(left, n.r.join(n.service, id, "zone")) }, n.look.sees(id, "zone")))
			})
			dismiss(left)
			return b
		}
	}
	c := s.client()
	bare := bareChange(s, of, func(key, value string) {
		l := must(c.Grant(background, int64(registry.DefaultTTL/time.Second)))
		must(c.Put(background, key, value, clientv3.WithLease(l.ID)))
	})
	return []way{
		{"coord", "", measure(newOurRegistrar)},
		{naming, "", measure(newPeerRegistrar)},
		{"Grant, Put → event", "", bare},
	}
}

// bareChange measures a change of a key, from the call to its event at another client.
func bareChange(s *stage, of func(steps) sample, change func(key, value string)) func() block {
	words, stop := watched(s, bare)
	s.later(stop)
	n := 0
	return func() block {
		return s.samples(few, func() sample {
			n++
			value := strconv.Itoa(n)
			shown := make(chan moment, 1)
			go func() { shown <- until(words, value) }()
			return of(s.observe(func() { change(bare, value) }, shown))
		})
	}
}

// updates measures changes of what an instance says. The floor is a CAS and its event.
func updates(s *stage) []way {
	measure := func(make newRegistrar) func() block {
		n := newNeighbourhood(s, make)
		ids, members := n.some()
		zone := 0
		return func() block {
			return s.samples(few, func() sample {
				zone++
				in := strconv.Itoa(zone)
				return s.observe(func() { members[0].move(in) }, n.look.sees(ids[0], in)).delay()
			})
		}
	}
	write := rewritten(s.client(), bare)
	return []way{
		{"coord", "", measure(newOurRegistrar)},
		{naming, "", measure(newPeerRegistrar)},
		{"bare CAS Txn → event", "", bareChange(s, steps.delay, func(_, value string) { write(value) })},
	}
}

// goings measures how instances cease to take work. The floor is a CAS, as both write something that an onlooker sees at once.
func goings(s *stage, going func(m member)) []way {
	measure := func(make newRegistrar) func() block {
		n := newNeighbourhood(s, make)
		return func() block {
			ids, members := n.some()
			i := -1
			b := s.samples(few, func() sample {
				i++
				return s.observe(func() { going(members[i]) }, n.look.sees(ids[i], "")).delay()
			})
			dismiss(members)
			return b
		}
	}
	write := rewritten(s.client(), bare)
	return []way{
		{"coord", "", measure(newOurRegistrar)},
		{naming, "", measure(newPeerRegistrar)},
		{"bare CAS Txn → event", "", bareChange(s, steps.delay, func(_, value string) { write(value) })},
	}
}
