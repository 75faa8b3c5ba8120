package kvtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coordkit/coord/kv"
)

// Benchmark measures the operations of the contract, one in each sub-benchmark, on a store that has so many records of 64 bytes, at
// least 100, beforehand. Keys are used in random order, the same in each run. What it writes begins with "bench/" and is removed in the
// end.
//
// Benchmarks run in real time, whatever the backend says.
func Benchmark(b *testing.B, be Backend, records int) {
	f := newFilled(b, be, records)
	for _, c := range []struct {
		name string
		run  func(f *filled, b *testing.B)
	}{
		{"Get", (*filled).get},
		{"Get from all processors", (*filled).getParallel},
		{"GetRange of 100", (*filled).getRange},
		{"CasByVersion", (*filled).cas},
		{"Create", (*filled).create},
		{"Delete", (*filled).remove},
		{"Append", (*filled).appends},
		{"NewLease and Release", (*filled).lease},
		{"wake of one wait", func(f *filled, b *testing.B) { f.wake(b, 1, 5*time.Millisecond) }},
		{"wake of 10,000 waits on a key", func(f *filled, b *testing.B) { f.wake(b, 10_000, 300*time.Millisecond) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			c.run(f, b)
		})
	}
}

// filled is a store with records in it, seen through two handles.
type filled struct {
	st, far kv.Storage
	sorted  []kv.Key
	records []kv.Record // in random order, as they are in the store
	fresh   int         // counts the keys of createMany
}

var (
	benchCtx   = context.Background()
	benchValue = make(kv.Value, 64)
)

func newFilled(b *testing.B, be Backend, n int) *filled {
	f := &filled{st: be.New(b), records: make([]kv.Record, n)}
	f.far = be.Second(b, f.st)
	for i := range n {
		f.sorted = append(f.sorted, kv.Key(fmt.Sprintf("bench/%06d", i)))
	}
	b.Cleanup(func() { f.clear(b) })
	f.spread(b, n, func(i int) error {
		r := kv.Record{Key: f.sorted[i], Value: benchValue}
		v, err := f.st.Create(benchCtx, r)
		r.Version = v
		f.records[i] = r
		return err
	})
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { f.records[i], f.records[j] = f.records[j], f.records[i] })
	return f
}

// clear removes what the benchmark wrote.
func (f *filled) clear(b *testing.B) {
	left, err := f.st.GetRange(benchCtx, "bench/", "bench/\xff")
	check(b, err)
	f.spread(b, len(left), func(i int) error { return f.st.Delete(benchCtx, left[i].Key) })
}

// spread runs g for 0 to n-1, on several goroutines: a server answers many calls at once.
func (f *filled) spread(b *testing.B, n int, g func(i int) error) {
	const workers = 16
	check(b, atOnce(workers, func(w int) error {
		for i := w; i < n; i += workers {
			if err := g(i); err != nil {
				return err
			}
		}
		return nil
	}))
}

func check(b *testing.B, err error) {
	if err != nil {
		b.Helper()
		b.Fatal(err)
	}
}

func (f *filled) get(b *testing.B) {
	for i := 0; b.Loop(); i++ {
		_, err := f.st.Get(benchCtx, f.records[i%len(f.records)].Key)
		check(b, err)
	}
}

func (f *filled) getParallel(b *testing.B) {
	var goroutines atomic.Uint64
	b.RunParallel(func(pb *testing.PB) {
		for i := rand.New(rand.NewPCG(3, goroutines.Add(1))).IntN(len(f.records)); pb.Next(); i++ {
			if _, err := f.st.Get(benchCtx, f.records[i%len(f.records)].Key); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func (f *filled) getRange(b *testing.B) {
	dice := rand.New(rand.NewPCG(5, 6))
	for b.Loop() {
		first := dice.IntN(len(f.sorted) - 99)
		got, err := f.st.GetRange(benchCtx, f.sorted[first], f.sorted[first+99])
		if err != nil || len(got) != 100 {
			b.Fatalf("GetRange = %d records, %v", len(got), err)
		}
	}
}

func (f *filled) cas(b *testing.B) {
	for i := 0; b.Loop(); i++ {
		r := &f.records[i%len(f.records)]
		v, err := f.st.CasByVersion(benchCtx, *r)
		check(b, err)
		r.Version = v
	}
}

// batch is how many keys are made, or removed, between two looks at the clock.
const batch = 500

// freshKeys returns keys that nobody has used.
func (f *filled) freshKeys() []kv.Key {
	keys := make([]kv.Key, batch)
	for i := range keys {
		keys[i] = kv.Key(fmt.Sprintf("bench/new/%d", f.fresh+i))
	}
	f.fresh += batch
	return keys
}

// inBatches measures use of keys, each used once; before and after, not measured, see to a whole batch of them.
func (f *filled) inBatches(b *testing.B, before, use, after func(key kv.Key) error) {
	none := func(kv.Key) error { return nil }
	var keys []kv.Key
	left := 0
	outside := func(g func(kv.Key) error) {
		b.StopTimer()
		f.spread(b, len(keys)-left, func(i int) error { return g(keys[i]) })
		b.StartTimer()
	}
	if before == nil {
		before = none
	}
	if after == nil {
		after = none
	}
	for b.Loop() {
		if left == 0 {
			outside(after)
			keys = f.freshKeys()
			outside(before)
			left = batch
		}
		left--
		check(b, use(keys[batch-1-left]))
	}
	outside(after)
}

func (f *filled) createKey(key kv.Key) error {
	_, err := f.st.Create(benchCtx, kv.Record{Key: key, Value: benchValue})
	return err
}

func (f *filled) deleteKey(key kv.Key) error { return f.st.Delete(benchCtx, key) }

func (f *filled) create(b *testing.B) { f.inBatches(b, nil, f.createKey, f.deleteKey) }

func (f *filled) remove(b *testing.B) { f.inBatches(b, f.createKey, f.deleteKey, nil) }

// appends appends behind ten records.
func (f *filled) appends(b *testing.B) {
	appender, ok := kv.As[kv.Appender](f.st)
	if !ok {
		b.Skip("the storage is no kv.Appender")
	}
	f.inBatches(b, nil, func(key kv.Key) error {
		_, _, ahead, err := appender.Append(benchCtx, kv.Record{Key: key, Value: benchValue}, f.sorted[0], f.sorted[9])
		if err == nil && ahead != 10 {
			return fmt.Errorf("append tells of %d records, want 10", ahead)
		}
		return err
	}, f.deleteKey)
}

func (f *filled) lease(b *testing.B) {
	for b.Loop() {
		l, err := f.st.Lessor().NewLease(benchCtx, time.Minute, true)
		check(b, err)
		check(b, l.Release())
	}
}

// wake measures from the start of a write until the last of n waits on its key, on the other handle, has returned. It lets them
// park before, and reports medians.
func (f *filled) wake(b *testing.B, n int, park time.Duration) {
	r := &f.records[0]
	var wakes, writes []time.Duration
	for b.Loop() {
		var waits sync.WaitGroup
		for range n {
			waits.Go(func() {
				if got, err := f.far.WaitForVersionChange(benchCtx, r.Key, r.Version); err != nil || got.Version == 0 {
					b.Errorf("WaitForVersionChange = %v, %v", got, err)
				}
			})
		}
		time.Sleep(park)
		start := time.Now()
		v, err := f.st.CasByVersion(benchCtx, *r)
		writes = append(writes, time.Since(start))
		check(b, err)
		waits.Wait()
		wakes = append(wakes, time.Since(start))
		r.Version = v
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(writes), "ns/write")
	b.ReportMetric(median(wakes), "ns/wake")
}

func median(d []time.Duration) float64 {
	slices.Sort(d)
	return float64(d[len(d)/2])
}
