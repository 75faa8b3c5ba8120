package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/tidwall/buntdb"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
)

const leaseCount = 100_000

var leaseRows = []row{
	{"memory of each of 100k", bytesEach, leaseMemory},
	{"grant, 100k", nanoseconds, leaseGrant},
	{"100k of 1 s kept alive: processor time of each in a second", nanoseconds, leaseKeep},
	{"100k end within 1 s: lateness", nanoseconds, leaseLateness},
}

// leaser keeps leases in this process.
type leaser interface {
	grant(i int, ttl time.Duration, keepAlive bool)
	close()
}

// newLeaser makes one that calls ended, which may be nil, at the end of a lease.
type newLeaser func(ended func(i int)) leaser

var leasers = []struct {
	who   string
	make  newLeaser
	keeps bool // alive by itself
}{
	{"coord", newOurLeases, true},
	{"a timer each", newTimers, true},
	{"a goroutine and a timer each", newGoroutines, true},
	{"buntdb", newBuntLeases, false},
}

// onLeasers compares what the leasers take.
func onLeasers(goal string, keep bool, do func(make newLeaser) block) []way {
	var ways []way
	for _, l := range leasers {
		if keep && !l.keeps {
			continue
		}
		ways = append(ways, way{l.who, goal, func() block { return do(l.make) }})
		goal = ""
	}
	return ways
}

func leaseMemory(*stage) []way {
	return onLeasers("≤ 200 B", false, func(make newLeaser) block {
		return samples(1, func() float64 {
			before := inUse()
			l := make(nil)
			defer l.close()
			for i := range leaseCount {
				l.grant(i, time.Hour, false)
			}
			return float64(inUse()-before) / leaseCount
		})
	})
}

// inUse is heap and stacks after a collection.
func inUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

func leaseGrant(*stage) []way {
	return onLeasers("", false, func(make newLeaser) block {
		l := make(nil)
		defer l.close()
		return whole(leaseCount, func(i int) error {
			l.grant(i, time.Hour, false)
			return nil
		})
	})
}

func leaseKeep(*stage) []way {
	return onLeasers("", true, func(make newLeaser) block {
		l := make(nil)
		defer l.close()
		for i := range leaseCount {
			l.grant(i, time.Second, true)
		}
		return samples(1, func() float64 {
			before := processorTime()
			time.Sleep(time.Second)
			return float64(processorTime()-before) / leaseCount
		})
	})
}

// leaseLateness has all leases end at random moments of one second.
func leaseLateness(*stage) []way {
	return onLeasers("p99 ≤ 10 ms", false, func(make newLeaser) block {
		var (
			dice  = rand.New(rand.NewPCG(1, 2))
			ends  = slices.Repeat([]time.Time{{}}, leaseCount)
			late  = slices.Repeat([]float64{0}, leaseCount)
			ended sync.WaitGroup
		)
		ended.Add(leaseCount)
		l := make(func(i int) {
			late[i] = float64(time.Since(ends[i]))
			ended.Done()
		})
		defer l.close()
		first := time.Now().Add(1500 * time.Millisecond)
		for i := range leaseCount {
			ends[i] = first.Add(time.Duration(dice.Int64N(int64(time.Second))))
			ttl := time.Until(ends[i])
			if ttl <= 0 { // a machine that is too slow to grant them all before
				ttl = time.Millisecond
				ends[i] = time.Now().Add(ttl)
			}
			l.grant(i, ttl, false)
		}
		ended.Wait()
		return block{values: late, cost: math.NaN()}
	})
}

// ourLeases are coord's. Where their ends are of interest, each has a record, and one watch sees the records go.
type ourLeases struct {
	st      *memory.Storage
	stop    context.CancelFunc
	watched bool
	watch   sync.WaitGroup
}

func newOurLeases(ended func(i int)) leaser {
	ctx, stop := context.WithCancel(background)
	o := &ourLeases{st: memory.New(nil), stop: stop, watched: ended != nil}
	if o.watched {
		o.watch.Go(func() { o.follow(ctx, ended) })
	}
	return o
}

// follow tells what ends. A Reset says that the watch has fallen behind, and lists what is still there.
func (o *ourLeases) follow(ctx context.Context, ended func(i int)) {
	alive := map[kv.Key]bool{}
	end := func(key kv.Key) {
		delete(alive, key)
		ended(must(strconv.Atoi(string(key[len("l/"):]))))
	}
	from, to := kv.PrefixRange("l/")
	for e := range o.st.WatchRange(ctx, from, to) {
		for _, key := range e.Deletes {
			end(key)
		}
		there := make(map[kv.Key]bool, len(e.Puts))
		for _, r := range e.Puts {
			there[r.Key] = true
		}
		if e.Reset {
			for key := range alive {
				if !there[key] {
					end(key)
				}
			}
		}
		maps.Copy(alive, there)
	}
}

func (o *ourLeases) grant(i int, ttl time.Duration, keepAlive bool) {
	l := must(o.st.Lessor().NewLease(background, ttl, keepAlive))
	if o.watched {
		must(o.st.Create(background, kv.Record{Key: kv.Key("l/" + strconv.Itoa(i)), Lease: l.Id()}))
	}
}

func (o *ourLeases) close() {
	o.stop()
	o.watch.Wait()
	check(o.st.Close())
}

// timers has a timer for each lease, which either ends or renews it.
type timers struct {
	ended func(int)
	all   []*time.Timer
}

func newTimers(ended func(i int)) leaser { return &timers{ended: ended} }

func (t *timers) grant(i int, ttl time.Duration, keepAlive bool) {
	if !keepAlive {
		t.all = append(t.all, time.AfterFunc(ttl, func() { t.ended(i) }))
		return
	}
	armed := make(chan *time.Timer, 1)
	timer := time.AfterFunc(ttl/3, func() {
		self := <-armed
		armed <- self
		self.Reset(ttl / 3)
	})
	armed <- timer
	t.all = append(t.all, timer)
}

func (t *timers) close() {
	for _, timer := range t.all {
		timer.Stop()
	}
}

// goroutines has a goroutine and a timer for each lease.
type goroutines struct {
	ended func(int)
	stop  chan struct{}
	all   sync.WaitGroup
}

func newGoroutines(ended func(i int)) leaser {
	return &goroutines{ended: ended, stop: make(chan struct{})}
}

func (g *goroutines) grant(i int, ttl time.Duration, keepAlive bool) {
	after := ttl
	if keepAlive {
		after = ttl / 3
	}
	g.all.Go(func() {
		t := time.NewTimer(after)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				if !keepAlive {
					g.ended(i)
					return
				}
				t.Reset(after)
			case <-g.stop:
				return
			}
		}
	})
}

func (g *goroutines) close() {
	close(g.stop)
	g.all.Wait()
}

// buntLeases are keys of buntdb that expire.
type buntLeases struct{ db *buntdb.DB }

func newBuntLeases(ended func(i int)) leaser {
	db := must(buntdb.Open(":memory:"))
	if ended != nil {
		var c buntdb.Config
		check(db.ReadConfig(&c))
		c.OnExpired = func(keys []string) {
			check(db.Update(func(tx *buntdb.Tx) error {
				for _, key := range keys {
					// It deletes a key whose time is over, and calls it not found.
					if _, err := tx.Delete(key); err != nil && !errors.Is(err, buntdb.ErrNotFound) {
						return fmt.Errorf("%s: %w", key, err)
					}
					ended(must(strconv.Atoi(key)))
				}
				return nil
			}))
		}
		check(db.SetConfig(c))
	}
	return &buntLeases{db}
}

func (b *buntLeases) grant(i int, ttl time.Duration, _ bool) {
	check(b.db.Update(func(tx *buntdb.Tx) error {
		_, _, err := tx.Set(strconv.Itoa(i), "", &buntdb.SetOptions{Expires: true, TTL: ttl})
		return err
	}))
}

func (b *buntLeases) close() { check(b.db.Close()) }
