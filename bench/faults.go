package main

import (
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.uber.org/zap"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// These rows count, or measure lateness: what goes wrong with holders to whom something happens. test/faults has many more faults, of
// coord alone.
var faultRows = []row{
	{"cut off, of 24: those that learn it only after the next one holds", outOf, func(s *stage) []way {
		return s.partitions("0", func(p *parted) float64 { return float64(p.unaware.Load()) })
	}},
	{"cut off, of 24 that look before each write: stale writes", outOf, func(s *stage) []way {
		return s.partitions("0", func(p *parted) float64 { return float64(p.stale.Load()) })
	}},
	{"stopped past its TTL, of 50 that look before each write: stale writes", outOf, pauses},
	{"killed: until the next one holds, over the TTL of 3 s", nanoseconds, killings},
}

// victim is a holder on a client and a session of its own, to whom something will happen.
type victim interface {
	// hold takes a lock and returns what tells whether the holder still believes that it holds.
	hold(name string) (believes func() bool)
	lease() clientv3.LeaseID
	// kill ends the client without a farewell.
	kill()
}

const faultTTL = 3 * time.Second

// newVictim makes one on a client that reaches the server at the endpoint. w may be nil.
type newVictim func(endpoint string, w *wire, ttl time.Duration) victim

type ourVictim struct {
	st *etcd.Storage
	s  *session.Session
}

func newOurVictim(endpoint string, w *wire, ttl time.Duration) victim {
	st := must(etcd.Open([]string{endpoint}, &etcd.Options{DialOptions: w.options()}))
	v := ourVictim{st, session.New(st, &session.Options{TTL: ttl})}
	check(v.s.Ready(background))
	return v
}

func (v ourVictim) hold(name string) func() bool {
	held := must(mutex.New(v.s, name, nil).Lock(background))
	return func() bool { return held.Err() == nil }
}

func (v ourVictim) lease() clientv3.LeaseID { return clientv3.LeaseID(v.s.LeaseID()) }
func (v ourVictim) kill()                   { _ = v.st.Close() }

type peerVictim struct {
	c *clientv3.Client
	s *concurrency.Session
}

func newPeerVictim(endpoint string, w *wire, ttl time.Duration) victim {
	c := must(clientv3.New(clientv3.Config{
		Endpoints: []string{endpoint}, DialTimeout: 5 * time.Second, Logger: zap.NewNop(), DialOptions: w.options(),
	}))
	return peerVictim{c, must(concurrency.NewSession(c, concurrency.WithTTL(int(ttl/time.Second))))}
}

func (v peerVictim) hold(name string) func() bool {
	check(concurrency.NewMutex(v.s, "peer/"+name).Lock(background))
	return func() bool {
		select {
		case <-v.s.Done():
			return false
		default:
			return true
		}
	}
}

func (v peerVictim) lease() clientv3.LeaseID { return v.s.Lease() }
func (v peerVictim) kill()                   { _ = v.c.Close() }

// victims are those that are compared, and who follows them.
var victims = []struct {
	who  string
	make newVictim
	next func(s *stage) locker
}{
	{"coord", newOurVictim, newOurLocker}, {peer, newPeerVictim, newPeerLocker},
}

// parted counts what became of holders that were cut off.
type parted struct{ unaware, stale atomic.Int64 }

// partitions cuts 24 holders off, each of which somebody waits to follow.
func (s *stage) partitions(goal string, of func(p *parted) float64) (ways []way) {
	const holders = 24
	for _, v := range victims {
		next := v.next(s)
		ways = append(ways, way{v.who, goal, func() block {
			p := new(parted)
			var all sync.WaitGroup
			for range holders {
				all.Go(func() { s.partition(p, v.make, next) })
			}
			all.Wait()
			return block{values: []float64{of(p)}, cost: math.NaN(), ops: holders}
		}})
		goal = ""
	}
	return ways
}

func (s *stage) partition(p *parted, make newVictim, next locker) {
	way := s.proxy()
	defer way.close()
	holder := make(way.endpoint(), &s.wire, faultTTL)
	defer holder.kill()
	name := s.name()
	believes := holder.hold(name)
	granted := new(atomic.Bool)
	var write sync.WaitGroup
	write.Go(func() { // careful: each write only after a look
		for believes() {
			if granted.Load() {
				p.stale.Add(1)
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
	followed := inBackground(func() func() {
		unlock := next.lock(name)
		granted.Store(true)
		if believes() {
			p.unaware.Add(1)
		}
		return unlock
	})
	time.Sleep(200*time.Millisecond + rand.N(faultTTL/3)) // the next one queues; wherever in the time between two renewals
	way.cutOff()
	(<-followed)()
	if ended := inBackground(func() struct{} { write.Wait(); return struct{}{} }); !within(ended, 5*time.Second) {
		way.close() // it does not find out by itself
		write.Wait()
	}
}

// inBackground runs f in the background and sends what it returns.
func inBackground[T any](f func() T) <-chan T {
	c := make(chan T, 1)
	go func() { c <- f() }()
	return c
}

func within[T any](c <-chan T, d time.Duration) bool {
	select {
	case <-c:
		return true
	case <-time.After(d):
		return false
	}
}

// killings measures from the end of the TTL after the last answer to a renewal until the next one holds.
func killings(s *stage) (ways []way) {
	const holders = 8
	goal := "≤ 500 ms"
	for _, v := range victims {
		next := v.next(s)
		ways = append(ways, way{v.who, goal, func() block {
			late := make([]float64, holders)
			var all sync.WaitGroup
			for i := range late {
				all.Go(func() { late[i] = float64(s.killing(v.make, next) - faultTTL) })
			}
			all.Wait()
			return block{values: late, cost: math.NaN()}
		}})
		goal = ""
	}
	return ways
}

func (s *stage) killing(make newVictim, next locker) time.Duration {
	time.Sleep(rand.N(500 * time.Millisecond)) // in no step with the clock by which etcd looks for what has run out
	holder, name := make(s.server.endpoint, &s.wire, faultTTL), s.name()
	holder.hold(name)
	lease := holder.lease()
	followed := inBackground(func() time.Time {
		unlock := next.lock(name)
		at := time.Now()
		unlock()
		return at
	})
	for s.wire.renewed(lease).IsZero() {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(rand.N(500 * time.Millisecond)) // the next renewal is not due yet
	holder.kill()
	return (<-followed).Sub(s.wire.renewed(lease))
}

// pauses stops five processes, each with ten locks, until all locks have been taken over.
func pauses(s *stage) (ways []way) {
	goal := "≤ 1"
	for i, v := range victims {
		next := v.next(s)
		ways = append(ways, way{v.who, goal, func() block {
			var stale atomic.Int64
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() { stale.Add(int64(s.pause(i, 10, next))) })
			}
			all.Wait()
			return block{values: []float64{float64(stale.Load())}, cost: math.NaN(), ops: 50}
		}})
		goal = ""
	}
	return ways
}

// pause stops a process with locks, and returns how many of its writes came after the next one held the lock that they were made under.
func (s *stage) pause(kind, locks int, next locker) (stale int) {
	prefix := s.name()
	w := startWorker(strconv.Itoa(kind), s.server.endpoint, prefix, strconv.Itoa(locks))
	granted := make([]atomic.Bool, locks)
	var taken sync.WaitGroup
	for i := range granted {
		taken.Go(func() {
			unlock := next.lock(prefix + "-" + strconv.Itoa(i))
			granted[i].Store(true)
			unlock()
		})
	}
	time.Sleep(300*time.Millisecond + rand.N(faultTTL/3)) // they queue; wherever in the time between two renewals
	w.stop()
	counted := inBackground(func() (n int) {
		w.writes(func(i int) {
			if granted[i].Load() {
				n++
			}
		})
		return n
	})
	taken.Wait()
	w.resume()
	time.Sleep(time.Second) // the time that a holder gets to find out
	w.kill()
	stale = <-counted
	w.wait()
	return stale
}
