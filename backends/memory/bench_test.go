package memory_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv/kvtest"
)

func BenchmarkContract(b *testing.B) { kvtest.Benchmark(b, backend(), 100_000) }

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
