package etcd

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// p50 is the median of what was measured.
func p50(d []time.Duration) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[len(d)/2]
}

// inTurn measures two ways of doing the same in alternating blocks, so that a noisy machine hits both alike, and reports the
// medians and their ratio.
func inTurn(b *testing.B, ours, raw func(i int) error) {
	var times [2][]time.Duration
	i := 0
	for b.Loop() {
		for which, f := range []func(int) error{ours, raw} {
			for range 25 {
				i++
				start := time.Now()
				if err := f(i); err != nil {
					b.Fatal(err)
				}
				times[which] = append(times[which], time.Since(start))
			}
		}
	}
	a, r := p50(times[0]), p50(times[1])
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(a.Microseconds()), "µs-ours")
	b.ReportMetric(float64(r.Microseconds()), "µs-raw")
	b.ReportMetric(float64(a)/float64(r), "ratio")
}

// BenchmarkOverRaw compares each operation with the client's own call for it.
func BenchmarkOverRaw(b *testing.B) {
	server := etcdtest.Start(b)
	st, c := server.Storage(b), server.Client(b)
	ctx := context.Background()
	value := make(kv.Value, 64)

	b.Run("Create", func(b *testing.B) {
		inTurn(b, func(i int) error {
			_, err := st.Create(ctx, kv.Record{Key: kv.Key(fmt.Sprintf("%s/%d", b.Name(), i)), Value: value})
			return err
		}, func(i int) error {
			key := fmt.Sprintf("%s/%d", b.Name(), i)
			_, err := c.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
				Then(clientv3.OpPut(key, string(value))).Else(clientv3.OpGet(key)).Commit()
			return err
		})
	})
	b.Run("Get", func(b *testing.B) {
		_, err := st.Create(ctx, kv.Record{Key: "get", Value: value})
		require.NoError(b, err)
		inTurn(b, func(int) error { _, err := st.Get(ctx, "get"); return err },
			func(int) error { _, err := c.Get(ctx, "get"); return err })
	})
	b.Run("CasByVersion", func(b *testing.B) {
		v, err := st.Create(ctx, kv.Record{Key: "cas", Value: value})
		require.NoError(b, err)
		inTurn(b, func(int) (err error) {
			v, err = st.CasByVersion(ctx, kv.Record{Key: "cas", Version: v, Value: value})
			return err
		}, func(int) error {
			resp, err := c.Txn(ctx).If(clientv3.Compare(clientv3.ModRevision("cas"), "=", int64(v))).
				Then(clientv3.OpPut("cas", string(value), clientv3.WithIgnoreLease())).Else(clientv3.OpGet("cas")).Commit()
			if err == nil {
				v = kv.Version(resp.Header.Revision)
			}
			return err
		})
	})
	b.Run("Create and Delete", func(b *testing.B) {
		inTurn(b, func(i int) error {
			key := kv.Key(fmt.Sprintf("%s/%d", b.Name(), i))
			if _, err := st.Create(ctx, kv.Record{Key: key}); err != nil {
				return err
			}
			return st.Delete(ctx, key)
		}, func(i int) error {
			key := fmt.Sprintf("%s/%d", b.Name(), i)
			if _, err := c.Txn(ctx).If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
				Then(clientv3.OpPut(key, "")).Else(clientv3.OpGet(key)).Commit(); err != nil {
				return err
			}
			_, err := c.Delete(ctx, key)
			return err
		})
	})
	b.Run("Append over Create", func(b *testing.B) {
		inTurn(b, func(i int) error {
			_, _, _, err := st.Append(ctx, kv.Record{Key: kv.Key(fmt.Sprintf("%s/a/%d", b.Name(), i)), Value: value}, "q/", "q/\xff")
			return err
		}, func(i int) error {
			_, err := st.Create(ctx, kv.Record{Key: kv.Key(fmt.Sprintf("%s/b/%d", b.Name(), i)), Value: value})
			return err
		})
	})
}

// BenchmarkWake measures from the start of a write to the return of a wait in another process, as a multiple of the write.
func BenchmarkWake(b *testing.B) {
	server := etcdtest.Start(b)
	st, far := server.Storage(b), server.Storage(b)
	ctx := context.Background()
	v, err := st.Create(ctx, kv.Record{Key: "k"})
	require.NoError(b, err)
	var write, wake []time.Duration
	for b.Loop() {
		woke := make(chan time.Time, 1)
		go func() {
			_, _ = far.WaitForVersionChange(ctx, "k", v)
			woke <- time.Now()
		}()
		time.Sleep(8 * time.Millisecond) // parked
		start := time.Now()
		v, err = st.CasByVersion(ctx, kv.Record{Key: "k", Version: v})
		write = append(write, time.Since(start))
		require.NoError(b, err)
		wake = append(wake, (<-woke).Sub(start))
	}
	w, k := p50(write), p50(wake)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(w.Microseconds()), "µs-write")
	b.ReportMetric(float64(k.Microseconds()), "µs-wake")
	b.ReportMetric(float64(k)/float64(w), "ratio")
}

// BenchmarkManyWaits measures from the write until the last of 10,000 waits on one key has returned.
func BenchmarkManyWaits(b *testing.B) {
	server := etcdtest.Start(b)
	st, far := server.Storage(b), server.Storage(b)
	ctx := context.Background()
	v, err := st.Create(ctx, kv.Record{Key: "k", Value: make(kv.Value, 64)})
	require.NoError(b, err)
	var took []time.Duration
	for b.Loop() {
		var wg sync.WaitGroup
		for range 10_000 {
			wg.Go(func() { _, _ = far.WaitForVersionChange(ctx, "k", v) })
		}
		time.Sleep(300 * time.Millisecond) // parked
		start := time.Now()
		v, err = st.CasByVersion(ctx, kv.Record{Key: "k", Version: v, Value: make(kv.Value, 64)})
		require.NoError(b, err)
		wg.Wait()
		took = append(took, time.Since(start))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(p50(took).Microseconds())/1000, "ms-last")
}

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
