package main

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/semaphore"
	"github.com/coordkit/coord/primitives/session"
)

var lockRows = []row{
	contended(2, "≥ 80×"), contended(8, "≥ 16×"), contended(32, "≥ 2.5×"), contended(64, "≥ 1.3×"),
	{"handoff to a waiter that queued 20 ms ago", nanoseconds, func(s *stage) []way {
		return handoff(s, fresh, newOurLocker, "≤ 0.025×", "")
	}},
	{"handoff to a waiter that queued 330 ms ago", nanoseconds, func(s *stage) []way {
		return handoff(s, parked, newOurLocker, "", "≤ 1.1×")
	}},
	{"the same, of a semaphore of 1, the peer's a lock", nanoseconds, func(s *stage) []way {
		return handoff(s, parked, newOurSemaphore, "", "≤ 1.1×")
	}},
	{"fairness of 20: longest wait ÷ mean", times, fairness},
	{"Lock + Unlock, free", nanoseconds, func(s *stage) []way { return free(s, 0) }},
	{"Lock + Unlock, free, after many acquisitions", nanoseconds, func(s *stage) []way { return free(s, *aged) }},
}

// Who waits has queued so long ago: before etcd's next tick, ten times a second, and after it.
const fresh, parked = 20 * time.Millisecond, 330 * time.Millisecond

var aged = flag.Int("aged", 20_000, "how many acquisitions, without a compaction, are many")

// peer is whom coord is compared with; the others are floors, the least that it can cost.
const (
	peer        = "etcd concurrency"
	bareHandoff = "bare Delete → event"
	bareLock    = "create Txn + Delete"
)

// locker is somebody who takes locks, on a client and a session of its own.
type locker interface {
	// lock waits for a lock and returns what gives it back.
	lock(name string) (unlock func())
}

// session is coord's.
func (s *stage) session(st *etcd.Storage) *session.Session {
	return s.sessionFor(st, session.DefaultTTL)
}

func (s *stage) sessionFor(st *etcd.Storage, ttl time.Duration) *session.Session {
	own := session.New(st, &session.Options{TTL: ttl})
	s.later(func() { check(own.Close(background)) })
	check(own.Ready(background))
	return own
}

// peerSession is the peer's, on a client of its own.
func (s *stage) peerSession() *concurrency.Session {
	return s.peerSessionFor(s.client(), session.DefaultTTL)
}

func (s *stage) peerSessionFor(c *clientv3.Client, ttl time.Duration) *concurrency.Session {
	own := must(concurrency.NewSession(c, concurrency.WithTTL(int(ttl/time.Second))))
	s.later(func() { check(own.Close()) })
	return own
}

type ourLocker struct{ s *session.Session }

func newOurLocker(s *stage) locker { return ourLocker{s.session(s.storage())} }

func (l ourLocker) lock(name string) func() {
	held := must(mutex.New(l.s, name, nil).Lock(background))
	return func() { given(held.Unlock(background)) }
}

// given checks what came of giving something back: on a machine that stands still for seconds the answer may not come in time, and the
// removal goes on.
func given(err error) {
	if !errors.Is(err, kv.ErrUncertain) {
		check(err)
	}
}

// ourSemaphore takes the one unit of a semaphore.
type ourSemaphore struct{ s *session.Session }

func newOurSemaphore(s *stage) locker { return ourSemaphore{s.session(s.storage())} }

func (l ourSemaphore) lock(name string) func() {
	p := must(semaphore.New(l.s, name, 1, nil).Acquire(background, 1))
	return func() { given(p.Release(background)) }
}

type peerLocker struct{ s *concurrency.Session }

func newPeerLocker(s *stage) locker { return peerLocker{s.peerSession()} }

func (l peerLocker) lock(name string) func() {
	m := concurrency.NewMutex(l.s, "peer/"+name)
	check(m.Lock(background))
	return func() { check(m.Unlock(background)) }
}

// lockers are n of a kind.
func lockers(s *stage, n int, make func(s *stage) locker) []locker {
	ls := slices.Repeat([]locker{nil}, n)
	for i := range ls {
		ls[i] = make(s)
	}
	return ls
}

// contend has all take the lock again and again for a time. It returns how long each acquisition that fell into it took.
func contend(ls []locker, name string, span time.Duration) (waits []float64) {
	var (
		mu  sync.Mutex
		all sync.WaitGroup
		end = time.Now().Add(span)
	)
	for _, l := range ls {
		all.Go(func() {
			for start := time.Now(); start.Before(end); start = time.Now() {
				unlock := l.lock(name)
				if got := time.Now(); got.Before(end) {
					mu.Lock()
					waits = append(waits, float64(got.Sub(start)))
					mu.Unlock()
				}
				unlock()
			}
		})
	}
	all.Wait()
	return waits
}

func contended(n int, goal string) row {
	return row{fmt.Sprintf("contended, %d sessions: acquisitions", n), perSecond, func(s *stage) []way {
		rate := func(who, goal string, ls []locker) way {
			return way{who, goal, func() block {
				const span = time.Second
				start := s.now()
				n := float64(len(contend(ls, "contended", span)))
				return block{[]float64{n / span.Seconds()}, s.now().since(start).calls / n, n}
			}}
		}
		return []way{rate("coord", "", lockers(s, n, newOurLocker)), rate(peer, goal, lockers(s, n, newPeerLocker))}
	}}
}

func fairness(s *stage) []way {
	const n = 20
	spread := func(who, goal string, ls []locker) way {
		return way{who, goal, func() block {
			waits := contend(ls, "fair", time.Second)
			sum := 0.0
			for _, w := range waits {
				sum += w
			}
			return block{[]float64{slices.Max(waits) / (sum / float64(len(waits)))}, math.NaN(), float64(len(waits))}
		}}
	}
	return []way{spread("coord", "", lockers(s, n, newOurLocker)), spread(peer, "", lockers(s, n, newPeerLocker))}
}

// handoff measures from the start of an Unlock until the Lock of the one waiter, who queued a while ago, has returned. The floor is a
// Delete whose event another client waits for.
func handoff(s *stage, queued time.Duration, make func(s *stage) locker, overPeer, overBare string) []way {
	return []way{
		{"coord", "", passing(s, queued, make(s).lock, make(s).lock)},
		{peer, overPeer, passing(s, queued, newPeerLocker(s).lock, newPeerLocker(s).lock)},
		{bareHandoff, overBare, passing(s, queued, deleted(s), told(s, func() {}))},
	}
}

// bare is the key of floors.
const bare = "bare"

// deleted is a holder that has a key, and gives it back with a Delete.
func deleted(s *stage) func(string) func() {
	c := s.client()
	return func(string) func() {
		must(c.Put(background, bare, ""))
		return func() { must(c.Delete(background, bare)) }
	}
}

// told is a waiter that a Delete's event is enough for, and that does something more.
func told(s *stage, more func()) func(string) func() {
	events := s.client().Watch(background, bare, clientv3.WithFilterPut())
	return func(string) func() {
		<-events
		more()
		return func() {}
	}
}

// passing has one get what another holds, some times, by a new name each, so that nothing is left of an earlier time. Both return what
// ends what they got.
func passing(s *stage, queued time.Duration, hold, wait func(name string) (end func())) func() block {
	return func() block {
		return s.samples(5, func() sample {
			name := s.name()
			release := hold(name)
			got := make(chan moment)
			go func() {
				defer close(got)
				end := wait(name)
				got <- s.now()
				end()
			}()
			time.Sleep(queued)
			start := s.now()
			release()
			took := (<-got).since(start)
			<-got
			return took
		})
	}
}

// free measures a lock that nobody else wants, after so many acquisitions before. The floor is the least that a lock can cost: a
// transaction that creates a key, and a Delete.
func free(s *stage, before int) []way {
	ours, theirs, c := newOurLocker(s), newPeerLocker(s), s.client()
	name := fmt.Sprintf("free-%d", before)
	var aging sync.WaitGroup
	for _, l := range []locker{ours, theirs} {
		aging.Go(func() {
			for range before {
				l.lock(name)()
			}
		})
	}
	aging.Wait()
	taking := func(l locker) func() block {
		return func() block {
			return s.each(etcdBlock, func() error {
				l.lock(name)()
				return nil
			})
		}
	}
	return []way{
		{"coord", "", taking(ours)},
		{peer, "≤ 1.06×", taking(theirs)},
		{bareLock, "≤ 1.12×", func() block {
			return s.each(etcdBlock, func() error {
				if err := rawCreate(c, "floor"); err != nil {
					return err
				}
				_, err := c.Delete(background, "floor")
				return err
			})
		}},
	}
}
