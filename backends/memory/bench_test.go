package memory_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
)

// full returns a store with n records of 64 bytes under keys of 12, their versions, and the keys' order at random.
func full(b *testing.B, n int) (*memory.Storage, []kv.Record) {
	st := memory.New(nil)
	b.Cleanup(func() { _ = st.Close() })
	records := make([]kv.Record, n)
	for i := range records {
		r := kv.Record{Key: kv.Key(fmt.Sprintf("key/%08d", i)), Value: make(kv.Value, 64)}
		v, err := st.Create(context.Background(), r)
		if err != nil {
			b.Fatal(err)
		}
		r.Version = v
		records[i] = r
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { records[i], records[j] = records[j], records[i] })
	b.ReportAllocs()
	b.ResetTimer()
	return st, records
}

const keys = 100_000

func BenchmarkGet(b *testing.B) {
	st, records := full(b, keys)
	ctx := context.Background()
	for i := range b.N {
		if _, err := st.Get(ctx, records[i%keys].Key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetParallel(b *testing.B) {
	st, records := full(b, keys)
	ctx := context.Background()
	b.RunParallel(func(pb *testing.PB) {
		for i := rand.N(keys); pb.Next(); i++ {
			if _, err := st.Get(ctx, records[i%keys].Key); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkCasByVersion(b *testing.B) {
	st, records := full(b, keys)
	ctx := context.Background()
	for i := range b.N {
		r := &records[i%keys]
		v, err := st.CasByVersion(ctx, *r)
		if err != nil {
			b.Fatal(err)
		}
		r.Version = v
	}
}

func BenchmarkGetRange100(b *testing.B) {
	st, _ := full(b, keys)
	ctx := context.Background()
	dice := rand.New(rand.NewPCG(3, 4))
	for range b.N {
		first := dice.IntN(keys - 100)
		start, end := kv.Key(fmt.Sprintf("key/%08d", first)), kv.Key(fmt.Sprintf("key/%08d", first+99))
		if recs, err := st.GetRange(ctx, start, end); err != nil || len(recs) != 100 {
			b.Fatal(len(recs), err)
		}
	}
}

// BenchmarkLeases grants 100,000 leases and reports what each takes.
func BenchmarkLeases(b *testing.B) {
	for _, keepAlive := range []bool{false, true} {
		b.Run(fmt.Sprintf("keepAlive=%v", keepAlive), func(b *testing.B) {
			const leases = 100_000
			var used uint64
			for range b.N {
				st := memory.New(nil)
				before := heap()
				for range leases {
					if _, err := st.Lessor().NewLease(context.Background(), time.Hour, keepAlive); err != nil {
						b.Fatal(err)
					}
				}
				used += heap() - before
				_ = st.Close()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/leases, "ns/lease")
			b.ReportMetric(float64(used)/float64(b.N)/leases, "B/lease")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// heap is what is in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
