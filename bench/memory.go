package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// entry is a record as those who use a store know it.
type entry struct {
	key     string
	value   []byte
	version int64
}

// store is what the in-process stores have in common.
type store interface {
	get(e *entry) error
	create(e *entry) error // and sets the version
	cas(e *entry) error    // compares the version, and sets the new one
	delete(e *entry) error
	scan(from, to string) int     // how many are between, both included
	wait(e *entry) (func(), bool) // returns once it is armed: what then blocks until e changes; false if it cannot
}

const (
	keyCount = 100_000
	bytesPer = 64
	perBlock = 10_000
)

var (
	memoryRows = []row{
		{"Get, 100k keys", nanoseconds, overStores("≤ 350 ns, 1 alloc", getBlock)},
		{"CAS, 100k keys", nanoseconds, overStores("≤ 350 ns, 1 alloc", casBlock)},
		{"Create, 100k keys", nanoseconds, overStores("", createBlock)},
		{"Delete, 100k keys", nanoseconds, overStores("", deleteBlock)},
		{"GetRange, 100 of 100k keys", nanoseconds, overStores("≤ 25 µs", rangeBlock)},
		mixed(1), mixed(64),
		{"wake of one waiter", nanoseconds, overStores("", wakeBlock)},
	}
	stores = []struct {
		who  string
		make func() store
	}{
		{"coord", newOurs}, {"go-memdb", newMemDB}, {"buntdb", newBunt}, {"btree + RWMutex, no copies", newPlain},
	}
)

// filled is a store with records in it, in random order.
type filled struct {
	store
	entries, fresh []*entry
	next           int // of entries
	dice           *rand.Rand
}

func newFilled(s store) *filled {
	f := &filled{store: s, dice: rand.New(rand.NewPCG(1, 2))}
	for i := range keyCount + perBlock {
		e := &entry{key: fmt.Sprintf("key/%08d", i), value: bytes.Repeat([]byte{'x'}, bytesPer)}
		if i < keyCount {
			f.entries = append(f.entries, e)
			check(s.create(e))
		} else {
			f.fresh = append(f.fresh, e)
		}
	}
	for _, es := range [][]*entry{f.entries, f.fresh} {
		f.dice.Shuffle(len(es), func(i, j int) { es[i], es[j] = es[j], es[i] })
	}
	return f
}

// one is the next record in random order.
func (f *filled) one() *entry {
	f.next = (f.next + 1) % len(f.entries)
	return f.entries[f.next]
}

// overStores compares the stores that can do it. They are filled once for all rows.
func overStores(goal string, do func(f *filled) (block, bool)) func(s *stage) []way {
	return func(s *stage) (ways []way) {
		if s.stores == nil {
			for _, other := range stores {
				s.stores = append(s.stores, newFilled(other.make()))
			}
		}
		for i, f := range s.stores {
			if _, can := do(f); can {
				ways = append(ways, way{stores[i].who, goal, func() block { b, _ := do(f); return b }})
			}
			goal = ""
		}
		return ways
	}
}

func getBlock(f *filled) (block, bool) {
	return whole(perBlock, func(int) error { return f.get(f.one()) }), true
}

func casBlock(f *filled) (block, bool) {
	return whole(perBlock, func(int) error { return f.cas(f.one()) }), true
}

func createBlock(f *filled) (block, bool) {
	b := whole(perBlock, func(i int) error { return f.create(f.fresh[i]) })
	whole(perBlock, func(i int) error { return f.delete(f.fresh[i]) })
	return b, true
}

func deleteBlock(f *filled) (block, bool) {
	whole(perBlock, func(i int) error { return f.create(f.fresh[i]) })
	return whole(perBlock, func(i int) error { return f.delete(f.fresh[i]) }), true
}

func rangeBlock(f *filled) (block, bool) {
	return whole(500, func(int) error {
		first := f.dice.IntN(keyCount - 100)
		if n := f.scan(fmt.Sprintf("key/%08d", first), fmt.Sprintf("key/%08d", first+99)); n != 100 {
			return fmt.Errorf("a range of %d, want 100", n)
		}
		return nil
	}), true
}

func wakeBlock(f *filled) (block, bool) {
	e := f.one()
	if _, can := f.wait(e); !can {
		return block{}, false
	}
	return samples(200, func() float64 {
		wait, _ := f.wait(e)
		woke := make(chan time.Time)
		go func() {
			wait()
			woke <- time.Now()
		}()
		time.Sleep(300 * time.Microsecond) // it parks
		start := time.Now()
		check(f.cas(e))
		return float64((<-woke).Sub(start))
	}), true
}

// mixed has goroutines do nine Gets and a CAS in turn.
func mixed(goroutines int) row {
	name := fmt.Sprintf("90 %% Get, 10 %% CAS, %d goroutines", goroutines)
	return row{name, perSecond, overStores("", func(f *filled) (block, bool) { return mixedBlock(f, goroutines), true })}
}

func mixedBlock(f *filled, goroutines int) block {
	const total = 2 * perBlock
	var wg sync.WaitGroup
	start := time.Now()
	for g := range goroutines {
		wg.Go(func() {
			own := f.entries[g*keyCount/goroutines : (g+1)*keyCount/goroutines] // whose versions only it changes
			at := rand.New(rand.NewPCG(3, uint64(g))).IntN(len(own))
			for n := range total / goroutines {
				e := own[(at+n)%len(own)]
				if n%10 == 9 {
					check(f.cas(e))
				} else {
					check(f.get(e))
				}
			}
		})
	}
	wg.Wait()
	return block{[]float64{total / time.Since(start).Seconds()}, math.NaN(), total}
}
