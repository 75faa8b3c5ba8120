package etcd

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// BenchmarkContract measures the backend's calls on a server in this process, without fsync. The program in bench/ compares them
// with the client's own.
func BenchmarkContract(b *testing.B) { kvtest.Benchmark(b, backend(etcdtest.Start(b)), 1000) }

// BenchmarkManyLeases keeps 5,000 leases of 10 s alive for 12 s, and reports the processor time that client and server
// together, which share this process, take of one core.
func BenchmarkManyLeases(b *testing.B) {
	server := etcdtest.Start(b)
	st := server.Storage(b)
	var all []kv.Lease
	for range 5000 {
		l, err := st.Lessor().NewLease(context.Background(), 10*time.Second, true)
		require.NoError(b, err)
		all = append(all, l)
	}
	before, start := cpu(b), time.Now()
	time.Sleep(12 * time.Second)
	b.ReportMetric(100*float64(cpu(b)-before)/float64(time.Since(start)), "%core")
	b.ReportMetric(0, "ns/op")
	for _, l := range all {
		require.Positive(b, l.TTL())
	}
}

// cpu is the processor time that the process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
