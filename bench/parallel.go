package main

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// These rows are about many at the same time, on the same stores.
var parallelRows = []row{
	latency("Get", 1), latency("Get", 2), latency("Get", 8), latency("Get", 64),
	latency("CAS", 1), latency("CAS", 2), latency("CAS", 8), latency("CAS", 64),
	{"GetRange of 100 while two write, latency", nanoseconds, overStores("", rangeAmongWrites)},
	{"10,000 waits on one key: from the change until the last has returned", nanoseconds, overStores("", stormOnOne)},
	{"a wait on each of 10,000 keys: from the first change until the last has returned", nanoseconds, overStores("", stormOnEach)},
}

// sampled is how many operations there are for each whose time is taken: a look at the clock takes as long as a Get.
const sampled = 16

// latency has goroutines do nine Gets and a CAS in turn, and measures the one or the other.
func latency(op string, goroutines int) row {
	name := fmt.Sprintf("%s among 90 %% Get and 10 %% CAS of %d goroutines, latency", op, goroutines)
	return row{name, nanoseconds, overStores("", func(f *filled) (block, bool) { return latencyBlock(f, op == "CAS", goroutines), true })}
}

func latencyBlock(f *filled, ofCAS bool, goroutines int) block {
	const total = 2 * perBlock
	var (
		mu            sync.Mutex
		values        []float64
		wg            sync.WaitGroup
		before, after runtime.MemStats
	)
	runtime.ReadMemStats(&before)
	for g := range goroutines {
		wg.Go(func() {
			own := f.entries[g*keyCount/goroutines : (g+1)*keyCount/goroutines] // whose versions only it changes
			at := rand.New(rand.NewPCG(5, uint64(g))).IntN(len(own))
			took := make([]float64, 0, total/goroutines/sampled+1)
			for n := range total / goroutines {
				e, isCAS := own[(at+n)%len(own)], n%10 == 9
				look := isCAS == ofCAS && (n/10)%(sampled/2) == 0
				var start time.Time
				if look {
					start = time.Now()
				}
				if isCAS {
					check(f.cas(e))
				} else {
					check(f.get(e))
				}
				if look {
					took = append(took, float64(time.Since(start)))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			values = append(values, took...)
		})
	}
	wg.Wait()
	runtime.ReadMemStats(&after)
	return block{values: values, cost: float64(after.Mallocs-before.Mallocs) / total, ops: total}
}

// rangeAmongWrites reads ranges while two goroutines write as fast as they can.
func rangeAmongWrites(f *filled) (block, bool) {
	var stop atomic.Bool
	var writing sync.WaitGroup
	for g := range 2 {
		writing.Go(func() {
			own := f.entries[g*keyCount/2 : (g+1)*keyCount/2]
			for n := 0; !stop.Load(); n++ {
				check(f.cas(own[n%len(own)]))
			}
		})
	}
	b := samples(300, func() float64 {
		first := f.dice.IntN(keyCount - 100)
		from, to := fmt.Sprintf("key/%08d", first), fmt.Sprintf("key/%08d", first+99)
		start := time.Now()
		n := f.scan(from, to)
		took := time.Since(start)
		if n != 100 {
			check(fmt.Errorf("a range of %d, want 100", n))
		}
		return float64(took)
	})
	stop.Store(true)
	writing.Wait()
	return b, true
}

const storm = 10_000

// stormOnOne has all wait for one key, and changes it.
func stormOnOne(f *filled) (block, bool) {
	e := f.one()
	return f.storm(func(int) *entry { return e }, func() { check(f.cas(e)) })
}

// stormOnEach has one wait for each of many keys, and changes them all.
func stormOnEach(f *filled) (block, bool) {
	return f.storm(func(i int) *entry { return f.entries[i] }, func() {
		for i := range storm {
			check(f.cas(f.entries[i]))
		}
	})
}

func (f *filled) storm(on func(i int) *entry, change func()) (block, bool) {
	if _, can := f.wait(f.entries[0]); !can {
		return block{}, false
	}
	return samples(1, func() float64 {
		var woken sync.WaitGroup
		for i := range storm {
			wait, _ := f.wait(on(i))
			woken.Go(wait)
		}
		time.Sleep(50 * time.Millisecond) // they park
		start := time.Now()
		change()
		woken.Wait()
		return float64(time.Since(start))
	}), true
}
