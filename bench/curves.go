package main

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/session"
)

// growing is something of which there are more and more.
type growing struct {
	name, of, op string
	sides        []growingSide
}

type growingSide struct {
	who string
	// with measures operations with n of them.
	with func(s *stage, n int) block
}

var sizes = []int{1, 10, 100, 1000}

// tooLong is what a side may take for one size, and what it takes is taken to grow with the size.
const tooLong = 30 * time.Second

var growings = []growing{
	{"contenders for one lock", "contenders", "from one acquisition to the next, while all queue again and again, each with a session of its own on one of 8 clients", []growingSide{
		{"coord", func(s *stage, n int) block { return s.succeed(ourTurns(s, n)) }},
		{peer, func(s *stage, n int) block { return s.succeed(peerTurns(s, n)) }},
	}},
	{"candidates for one election", "candidates", "from one leader to the next, while all stand again and again, each with a session of its own on one of 8 clients", []growingSide{
		{"coord", func(s *stage, n int) block { return s.succeed(ourTerms(s, n)) }},
		{peer, func(s *stage, n int) block { return s.succeed(peerTerms(s, n)) }},
	}},
	{"instances of one service", "instances", "one more registers: from the call until a view shows it", []growingSide{
		{"coord", func(s *stage, n int) block { return oneMore(s, newOurRegistrar, n) }},
		{naming, func(s *stage, n int) block { return oneMore(s, newPeerRegistrar, n) }},
	}},
	{"waits on one key, in one process", "waits", "a write of the key: until the last wait has returned", []growingSide{
		{"coord", ourWaits}, {"a watch each", peerWatches},
	}},
	{"leases kept alive by one process", "leases", "one grant, 16 at a time", []growingSide{
		{"coord", ourGrants}, {"the client's", peerGrants},
	}},
}

// grow measures the curves, on one etcd.
func (o *settings) grow(r *report) {
	var server *server
	for _, g := range growings {
		if !o.only.MatchString("growth: " + g.name) {
			continue
		}
		if server == nil {
			server = serveIn(o.dirs[0])
			defer server.stop()
		}
		start := time.Now()
		c := &curve{Name: g.name, Of: g.of, Op: g.op, Where: o.dirs[0], Load: [2]number{load(), none}}
		took := make([][]time.Duration, len(g.sides))
		for _, n := range sizes {
			p := point{N: n}
			for i, side := range g.sides {
				p.Sides = append(p.Sides, o.growTo(server, side, n, &took[i]))
			}
			c.Points = append(c.Points, p)
		}
		c.Took, c.Load[1] = time.Since(start), load()
		r.Curves = append(r.Curves, c)
		o.keep(r)
		fmt.Fprintf(os.Stderr, "growth: %s in %.1f s\n", g.name, c.Took.Seconds())
	}
}

// growTo measures a side at a size. took are the times that it took at the sizes before: if what comes on top of the first grows with the
// size and is too much, it is left out.
func (o *settings) growTo(server *server, g growingSide, n int, took *[]time.Duration) side {
	out := side{Who: g.who, Mean: none, P50: none, P99: none, Calls: none, Bytes: none, Processors: none}
	if t := *took; len(t) > 0 && t[0]+10*(t[len(t)-1]-t[0]) > tooLong {
		out.Skipped = fmt.Sprintf("left out, as the size before took %.0f s", t[len(t)-1].Seconds())
		return out
	}
	s := &stage{server: server, quick: o.quick}
	start := time.Now()
	b := g.with(s, n)
	s.clear()
	*took = append(*took, time.Since(start))
	ops, sum := float64(len(b.values)), 0.0
	for _, v := range b.values {
		sum += v
	}
	slices.Sort(b.values)
	out.Mean, out.P50, out.P99 = number(sum/ops), number(quantile(b.values, 0.5)), number(quantile(b.values, 0.99))
	out.Calls, out.Bytes = number(b.cost), per(s.measured.bytes, ops)
	out.Processors = per(float64(s.measured.client+s.measured.server), ops)
	return out
}

// counted runs what is to be measured of a curve: what f spends is the stage's measured, and calls per value are added to the block.
func (s *stage) counted(f func() []float64) block {
	calls, before := s.wire.sent.Load(), s.spent()
	values := f()
	s.measured = s.spent().since(before)
	return block{values: values, cost: float64(s.wire.sent.Load()-calls) / float64(len(values))}
}

// patience is the TTL of sessions among many: a machine that is too busy to renew a thousand of them in time must not end the run.
const patience = time.Minute

// clients is how many connections those share of whom there are many.
const clients = 8

// turn waits for what all want, and returns what gives it back.
type turn func() (end func())

// onClients makes n of something, on as many clients as there are, at most 8.
func onClients[C, T any](n int, client func() C, make func(c C) T) []T {
	cs := slices.Repeat([]C{*new(C)}, min(n, clients))
	for i := range cs {
		cs[i] = client()
	}
	ts := slices.Repeat([]T{*new(T)}, n)
	for i := range ts {
		ts[i] = make(cs[i%len(cs)])
	}
	return ts
}

// ourTurns are n that want the same lock.
func ourTurns(s *stage, n int) []turn {
	name := s.unique()
	return onClients(n, s.storage, func(st *etcd.Storage) turn {
		l := ourLocker{s.sessionFor(st, patience)}
		return func() func() { return l.lock(name) }
	})
}

// peerTurns are n that want the same lock.
func peerTurns(s *stage, n int) []turn {
	name := s.unique()
	return onClients(n, s.client, func(c *clientv3.Client) turn {
		l := peerLocker{s.peerSessionFor(c, patience)}
		return func() func() { return l.lock(name) }
	})
}

// ourTerms are n that want the same leadership.
func ourTerms(s *stage, n int) []turn {
	name := s.unique()
	return onClients(n, s.storage, func(st *etcd.Storage) turn {
		c := ourCandidate{s, st, s.sessionFor(st, patience)}
		return func() func() { return c.lead(name, address).resign }
	})
}

// peerTerms are n that want the same leadership.
func peerTerms(s *stage, n int) []turn {
	name := s.unique()
	return onClients(n, s.client, func(client *clientv3.Client) turn {
		c := peerCandidate{s, s.peerSessionFor(client, patience)}
		return func() func() { return c.lead(name, address).resign }
	})
}

// succeed has all take turns for a while, and returns the times from one to the next.
func (s *stage) succeed(all []turn) block {
	return s.counted(func() []float64 {
		var (
			mu     sync.Mutex
			got    []time.Time
			taking sync.WaitGroup
			span   = time.Second
		)
		if s.quick {
			span /= 4
		}
		end := time.Now().Add(span)
		for _, t := range all {
			taking.Go(func() {
				for first := true; first || time.Now().Before(end); first = false {
					done := t()
					mu.Lock()
					got = append(got, time.Now())
					mu.Unlock()
					done()
				}
			})
		}
		taking.Wait()
		gaps := []float64{}
		for i := range got[1:] {
			gaps = append(gaps, float64(got[i+1].Sub(got[i])))
		}
		return gaps
	})
}

// calm is how long to wait until many that were set up have made what calls they make in the background.
const calm = 3 * time.Second

// oneMore registers an instance beside n others.
func oneMore(s *stage, make newRegistrar, n int) block {
	r, service := make(s, registry.DefaultTTL), s.unique()
	end := enrolled(r, service, n)
	look := make(s, registry.DefaultTTL).watch(service)
	<-look.counts(n)
	time.Sleep(calm)
	var more []member
	b := s.counted(func() (values []float64) {
		for i := range few {
			id := fmt.Sprintf("more-%d", i)
			values = append(values, s.observe(func() { more = append(more, r.join(service, id, "zone")) }, look.sees(id, "zone")).delay().took)
		}
		return values
	})
	look.close()
	dismiss(more)
	end()
	return b
}

func ourWaits(s *stage, n int) block {
	st, far, key := s.storage(), s.storage(), kv.Key(s.unique())
	v := must(st.Create(background, kv.Record{Key: key, Value: payload}))
	return s.counted(func() (values []float64) {
		for range 2 * few {
			var woken sync.WaitGroup
			for range n {
				woken.Go(func() { must(far.WaitForVersionChange(background, key, v)) })
			}
			time.Sleep(100 * time.Millisecond) // they park
			start := time.Now()
			next := must(st.CasByVersion(background, kv.Record{Key: key, Value: payload, Version: v}))
			woken.Wait()
			values = append(values, float64(time.Since(start)))
			v = next
		}
		return values
	})
}

func peerWatches(s *stage, n int) block {
	c, watcher, key := s.client(), s.client(), s.unique()
	var armed, told sync.WaitGroup
	armed.Add(n)
	for range n {
		events := watcher.Watch(background, key, clientv3.WithCreatedNotify())
		go func() {
			<-events
			armed.Done()
			for range events {
				told.Done()
			}
		}()
	}
	armed.Wait()
	return s.counted(func() (values []float64) {
		for range 2 * few {
			time.Sleep(100 * time.Millisecond)
			told.Add(n)
			start := time.Now()
			must(c.Put(background, key, string(payload)))
			told.Wait()
			values = append(values, float64(time.Since(start)))
		}
		return values
	})
}

func ourGrants(s *stage, n int) block {
	st := s.storage()
	return s.grants(n, func() func() {
		l := must(st.Lessor().NewLease(background, session.DefaultTTL, true))
		return func() { check(l.Release()) }
	})
}

func peerGrants(s *stage, n int) block {
	c := s.client()
	return s.grants(n, func() func() {
		l := must(c.Grant(background, int64(session.DefaultTTL/time.Second)))
		renewals := must(c.KeepAlive(background, l.ID))
		go func() {
			for range renewals {
			}
		}()
		return func() { must(c.Revoke(background, l.ID)) }
	})
}

// grants has 16 goroutines grant n leases, which are given back when that was measured.
func (s *stage) grants(n int, grant func() (giveBack func())) block {
	var backs []func()
	b := s.counted(func() (values []float64) {
		var (
			mu       sync.Mutex
			left     = make(chan int, n)
			granting sync.WaitGroup
		)
		for i := range n {
			left <- i
		}
		close(left)
		for range min(n, 16) {
			granting.Go(func() {
				for range left {
					start := time.Now()
					back := grant()
					took := time.Since(start)
					mu.Lock()
					values, backs = append(values, float64(took)), append(backs, back)
					mu.Unlock()
				}
			})
		}
		granting.Wait()
		return values
	})
	var ending sync.WaitGroup
	for _, back := range backs {
		ending.Go(back)
	}
	ending.Wait()
	return b
}
