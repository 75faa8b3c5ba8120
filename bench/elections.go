package main

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/session"
)

var electionRows = []row{
	{"Resign → the next leads, who queued 20 ms ago", nanoseconds, func(s *stage) []way {
		return succession(s, fresh, "≤ 0.033×", "")
	}},
	{"Resign → the next leads, who queued 330 ms ago", nanoseconds, func(s *stage) []way {
		return succession(s, parked, "", "≤ 1.3×")
	}},
	{"Campaign + Resign, free", nanoseconds, freeElection},
	{"Proclaim → Observe tells", nanoseconds, observedValue},
	{"Resign → Observe tells the next", nanoseconds, observedLeader},
}

// candidate is somebody who stands for elections, and looks on at them, on a client and a session of its own.
type candidate interface {
	// lead waits for the leadership.
	lead(name, value string) leader
	// observe sends what each leader proclaims, and when that was told, until stop.
	observe(name string) (words <-chan word, stop func())
}

type leader interface {
	proclaim(value string)
	resign()
}

// word is what an observer was told.
type word struct {
	value string
	at    moment
}

// until returns when the value was told of.
func until(words <-chan word, value string) moment {
	for {
		if w := <-words; w.value == value {
			return w.at
		}
	}
}

// watching runs an observer, which says everything that it is told, in the background.
func watching(s *stage, observe func(ctx context.Context, say func(value string))) (words <-chan word, stop func()) {
	ctx, cancel := context.WithCancel(background)
	c := make(chan word)
	var watch sync.WaitGroup
	watch.Go(func() {
		observe(ctx, func(value string) {
			select {
			case c <- word{value, s.now()}:
			case <-ctx.Done():
			}
		})
	})
	return c, func() {
		cancel()
		watch.Wait()
	}
}

type ourCandidate struct {
	stage *stage
	st    *etcd.Storage
	s     *session.Session
}

func newOurCandidate(s *stage) candidate {
	st := s.storage()
	return ourCandidate{s, st, s.session(st)}
}

type ourLeader struct{ *election.Term }

func (c ourCandidate) lead(name, value string) leader {
	t := must(election.New(c.s, name, &election.Options{Value: []byte(value)}).Campaign(background))
	check(t.Context(background).Err())
	return ourLeader{t}
}

func (l ourLeader) proclaim(value string) { check(l.Proclaim(background, []byte(value))) }
func (l ourLeader) resign()               { given(l.Resign(background)) }

func (c ourCandidate) observe(name string) (<-chan word, func()) {
	return watching(c.stage, func(ctx context.Context, say func(string)) {
		for now, err := range election.Observe(ctx, c.st, name) {
			if ctx.Err() != nil {
				return
			}
			check(err)
			say(string(now.Value))
		}
	})
}

type peerCandidate struct {
	stage *stage
	s     *concurrency.Session
}

func newPeerCandidate(s *stage) candidate { return peerCandidate{s, s.peerSession()} }

type peerLeader struct{ *concurrency.Election }

func (c peerCandidate) of(name string) *concurrency.Election {
	return concurrency.NewElection(c.s, "peer-election/"+name)
}

func (c peerCandidate) lead(name, value string) leader {
	e := c.of(name)
	check(e.Campaign(background, value))
	return peerLeader{e}
}

func (l peerLeader) proclaim(value string) { check(l.Proclaim(background, value)) }
func (l peerLeader) resign()               { check(l.Resign(background)) }

func (c peerCandidate) observe(name string) (<-chan word, func()) {
	return watching(c.stage, func(ctx context.Context, say func(string)) {
		for now := range c.of(name).Observe(ctx) {
			say(string(now.Kvs[0].Value))
		}
	})
}

// address is what leaders proclaim.
const address = "10.0.0.1:8080"

// padding makes a value as long as the record of a term.
var padding = strings.Repeat(" ", 250)

// rewritten is a write like that of a term's record: a CAS, at the version of the last one.
func rewritten(c *clientv3.Client, key string) func(value string) {
	v := must(c.Put(background, key, "")).Header.Revision
	return func(value string) {
		resp := must(c.Txn(background).If(clientv3.Compare(clientv3.ModRevision(key), "=", v)).
			Then(clientv3.OpPut(key, value+padding)).Commit())
		if !resp.Succeeded {
			check(errVersion)
		}
		v = resp.Header.Revision
	}
}

// watched is an observer of what is written to a key.
func watched(s *stage, key string) (words <-chan word, stop func()) {
	events := s.client().Watch(background, key) // stands when it returns
	return watching(s, func(ctx context.Context, say func(string)) {
		for {
			select {
			case resp := <-events:
				for _, e := range resp.Events {
					say(strings.TrimRight(string(e.Kv.Value), " "))
				}
			case <-ctx.Done():
				return
			}
		}
	})
}

const bareTerm = "bare-term"

// succession measures from the start of a Resign until the one candidate, who queued a while ago, has the context of its term. The floor is
// a Delete, its event at another client, and a CAS of that client.
func succession(s *stage, queued time.Duration, overPeer, overBare string) []way {
	of := func(make func(s *stage) candidate) func() block {
		stand := func(c candidate) func(string) func() {
			return func(name string) func() { return c.lead(name, address).resign }
		}
		return passing(s, queued, stand(make(s)), stand(make(s)))
	}
	write := rewritten(s.client(), bareTerm)
	return []way{
		{"coord", "", of(newOurCandidate)},
		{peer, overPeer, of(newPeerCandidate)},
		{"bare Delete → event, CAS Txn", overBare, passing(s, queued, deleted(s), told(s, func() { write("") }))},
	}
}

// freeElection measures an election that nobody else stands for. The peer keeps an entry for as long as the leader leads; coord also
// keeps, for good, who led last, and in which term. So the peer is measured with a write of that as well. The floor is these three writes.
func freeElection(s *stage) []way {
	alone := func(c candidate, record func()) func() block {
		name := s.name()
		return func() block {
			return s.each(etcdBlock, func() error {
				l := c.lead(name, address)
				record()
				l.resign()
				return nil
			})
		}
	}
	c := s.client()
	writes, theirs := rewritten(c, bareTerm), rewritten(s.client(), "peer-term")
	return []way{
		{"coord", "", alone(newOurCandidate(s), func() {})},
		{peer, "≤ 1×", alone(newPeerCandidate(s), func() {})},
		{peer + ", and a CAS Txn", "≤ 1×", alone(newPeerCandidate(s), func() { theirs("") })},
		{"create Txn, CAS Txn, Delete", "", func() block {
			return s.each(etcdBlock, func() error {
				if err := rawCreate(c, bare); err != nil {
					return err
				}
				writes("")
				_, err := c.Delete(background, bare)
				return err
			})
		}},
	}
}

// observedValue measures from the start of a Proclaim until an observer is told of the value. The floor is a CAS and its event.
func observedValue(s *stage) []way {
	measure := func(change func(value string), words <-chan word) func() block {
		n := 0
		return func() block {
			return s.samples(etcdBlock, func() sample {
				n++
				value := strconv.Itoa(n)
				time.Sleep(8 * time.Millisecond)
				start := s.now()
				change(value)
				return until(words, value).since(start)
			})
		}
	}
	of := func(make func(s *stage) candidate) func() block {
		name := s.name()
		l := make(s).lead(name, address)
		s.later(l.resign)
		words, stop := make(s).observe(name)
		s.later(stop)
		until(words, address)
		return measure(l.proclaim, words)
	}
	words, stop := watched(s, bareTerm)
	s.later(stop)
	return []way{
		{"coord", "", of(newOurCandidate)},
		{peer, "≤ 1×", of(newPeerCandidate)},
		{"bare CAS Txn → event", "≤ 1.1×", measure(rewritten(s.client(), bareTerm), words)},
	}
}

// observedLeader measures from the start of a Resign until an observer is told of the next leader. The floor is a Delete, its event at
// another client, a CAS of that client, and its event at a third.
func observedLeader(s *stage) []way {
	of := func(make func(s *stage) candidate) func() block {
		first, second, third := make(s), make(s), make(s)
		return func() block {
			return s.samples(5, func() sample {
				name := s.name()
				old := first.lead(name, "first")
				words, stop := third.observe(name)
				defer stop()
				until(words, "first")
				next := leads(second, name, "second")
				time.Sleep(parked)
				start := s.now()
				old.resign()
				took := until(words, "second").since(start)
				(<-next).resign()
				return took
			})
		}
	}
	hold, write, n := deleted(s), rewritten(s.client(), bareTerm), 0
	wait := told(s, func() { write(strconv.Itoa(n)) })
	words, stop := watched(s, bareTerm)
	s.later(stop)
	return []way{
		{"coord", "", of(newOurCandidate)},
		{peer, "≤ 1×", of(newPeerCandidate)},
		{"bare Delete → event, CAS Txn → event", "≤ 1.3×", func() block {
			return s.samples(5, func() sample {
				n++
				release := hold(bare)
				go wait(bare)
				time.Sleep(parked)
				start := s.now()
				release()
				return until(words, strconv.Itoa(n)).since(start)
			})
		}},
	}
}

// leads has the candidate stand, and returns what it becomes.
func leads(c candidate, name, value string) <-chan leader {
	l := make(chan leader, 1)
	go func() { l <- c.lead(name, value) }()
	return l
}
