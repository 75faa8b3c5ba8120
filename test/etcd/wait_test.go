package etcd

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

func TestWaitsOnOneKeyShareOneWatch(t *testing.T) {
	server := etcdtest.Start(t)
	count := &calls{count: make(chan string, 10_000)}
	st := etcdtest.Open(t, server.Endpoint(), count.option())
	v := create(t, st, "k", "old")
	count.counted()

	const n = 200
	var all []<-chan result
	for range n {
		all = append(all, waiting(t.Context(), st, "k", v))
	}
	standing := func() bool { return server.Watchers(t) > 0 }
	eventually(t, "the watch stands", standing)
	for _, ch := range all[:3] {
		requireSilent(t, ch, 20*time.Millisecond, "a wait returned before the change")
	}
	require.Equal(t, 1, server.Watchers(t), "watches for %d waits", n)

	v = replace(t, st, "k", v, "new")
	for _, ch := range all {
		r := receive(t, ch, "wait")
		require.NoError(t, r.err)
		require.Equal(t, v, r.rec.Version)
	}
	reads := count.counted()["/etcdserverpb.KV/Range"]
	require.Less(t, reads, n/2, "reads for %d waits that began together", n)
	eventually(t, "the watch is gone", func() bool { return server.Watchers(t) == 0 })
}

func TestValuesOfSharedWaitsAreTheCallersOwn(t *testing.T) {
	server := etcdtest.Start(t)
	st := server.Storage(t)
	v := create(t, st, "k", "old")
	a, b := waiting(t.Context(), st, "k", v), waiting(t.Context(), st, "k", v)
	eventually(t, "the watch stands", func() bool { return server.Watchers(t) == 1 })
	replace(t, st, "k", v, "new")
	ra, rb := receive(t, a, "wait"), receive(t, b, "wait")
	require.NoError(t, ra.err)
	require.NoError(t, rb.err)
	ra.rec.Value[0] = 'X'
	require.Equal(t, "new", string(rb.rec.Value))
}

func TestAbandonedWaitsLeaveNothing(t *testing.T) {
	server := etcdtest.Start(t)
	st := server.Storage(t)
	versions := make([]kv.Version, 20)
	for i := range versions {
		versions[i] = create(t, st, kv.Key(fmt.Sprintf("k%d", i)), "")
	}
	before := runtime.NumGoroutine()

	ctx, cancel := context.WithCancel(t.Context())
	var all []<-chan result
	for i := range 400 {
		all = append(all, waiting(ctx, st, kv.Key(fmt.Sprintf("k%d", i%20)), versions[i%20]))
	}
	eventually(t, "a watch for each key", func() bool { return server.Watchers(t) == 20 })
	cancel()
	for _, ch := range all {
		require.ErrorIs(t, receive(t, ch, "wait").err, context.Canceled)
	}
	eventually(t, "no watch on the server", func() bool { return server.Watchers(t) == 0 })
	eventually(t, "no goroutine more than before", func() bool { return runtime.NumGoroutine() <= before+2 })
}

func TestStandingWaitsReturnTheExactFirstChange(t *testing.T) {
	server := etcdtest.Start(t)
	st := openWatcher(t, server.Endpoint())
	for round := range 10 {
		key := kv.Key(fmt.Sprintf("k%d", round))
		v := create(t, st, key, "old")
		var all []<-chan result
		for range 4 {
			all = append(all, st.standing(t, key, v))
		}
		requireSilent(t, all[0], 20*time.Millisecond, "wait returned before the change")
		first := replace(t, st, key, v, "first")
		second := replace(t, st, key, first, "second")
		for _, ch := range all {
			r := receive(t, ch, "wait")
			require.NoError(t, r.err)
			require.Equal(t, first, r.rec.Version, "the first change, with %d made after it", second)
		}
		eventually(t, "the watch is gone", func() bool { return server.Watchers(t) == 0 })
	}
}

func TestNoWakeUpIsLostUnderASteadyWriter(t *testing.T) {
	// One writer counts up and each waiter follows, from whatever it read last, to the end. A wake-up that is lost
	// leaves its waiter behind for ever.
	server := etcdtest.Start(t)
	st := server.Storage(t)
	const last = 500
	v := create(t, st, "k", "0")

	var wg sync.WaitGroup
	for range 16 {
		rec := kv.Record{Version: v, Value: kv.Value("0")}
		wg.Go(func() {
			for n := 0; n < last; {
				next, err := st.WaitForVersionChange(t.Context(), "k", rec.Version)
				if err != nil {
					t.Errorf("wait after %d: %v", n, err)
					return
				}
				got, _ := strconv.Atoi(string(next.Value))
				if got <= n || next.Version <= rec.Version {
					t.Errorf("after %d came %d", n, got)
					return
				}
				rec, n = next, got
			}
		})
	}
	for n := 1; n <= last; n++ {
		v = replace(t, st, "k", v, strconv.Itoa(n))
	}
	wg.Wait()
}

func TestFreshWaitIsWokenByTheWriteItself(t *testing.T) {
	// A watch that does not begin with now is served ten times a second, after 50 ms in the mean. Others write meanwhile, so
	// that the store moves on between any two calls.
	server := etcdtest.Start(t)
	st, far, noise := server.Storage(t), openWatcher(t, server.Endpoint()), server.Storage(t)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			_, _ = noise.Create(ctx, kv.Record{Key: kv.Key(fmt.Sprintf("noise/%d", i))})
		}
	})
	defer wg.Wait()
	defer cancel()

	var took []time.Duration
	for i := range 21 {
		key := kv.Key(fmt.Sprintf("k%d", i))
		v := create(t, st, key, "")
		r := far.standing(t, key, v)
		start := time.Now()
		require.NoError(t, st.Delete(t.Context(), key))
		require.NoError(t, receive(t, r, "wait").err)
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	require.Less(t, took[len(took)/2], 40*time.Millisecond, "median")
}

// outage puts a waiter behind a proxy, waits until its watch stands, takes it off the store, lets change run, and puts
// it back.
func outage(t *testing.T, change func(direct kv.Storage, c *clientv3.Client, v kv.Version)) (
	r <-chan result, direct kv.Storage, v kv.Version) {
	t.Helper()
	server := etcdtest.Start(t)
	proxy := server.Proxy(t)
	direct = server.Storage(t)
	v = create(t, direct, "k", "old")
	r = openWatcher(t, proxy.Endpoint()).standing(t, "k", v)
	requireSilent(t, r, 50*time.Millisecond, "wait returned while nothing happened")

	proxy.Refuse(true)
	eventually(t, "the watch is gone", func() bool { return server.Watchers(t) == 0 })
	change(direct, server.Client(t), v)
	requireSilent(t, r, 100*time.Millisecond, "wait returned during the outage")
	proxy.Refuse(false)
	return r, direct, v
}

// compact takes the history before now away.
func compact(t *testing.T, c *clientv3.Client) {
	t.Helper()
	resp, err := c.Put(t.Context(), "elsewhere", "")
	require.NoError(t, err)
	_, err = c.Compact(t.Context(), resp.Header.Revision, clientv3.WithCompactPhysical())
	require.NoError(t, err)
}

func TestWaitReturnsTheFirstChangeMadeDuringAnOutage(t *testing.T) {
	var first kv.Version
	r, _, _ := outage(t, func(direct kv.Storage, _ *clientv3.Client, v kv.Version) {
		first = replace(t, direct, "k", v, "first")
		replace(t, direct, "k", first, "second")
		require.NoError(t, direct.Delete(t.Context(), "k"))
	})
	got := receive(t, r, "wait")
	require.NoError(t, got.err)
	require.Equal(t, "first", string(got.rec.Value))
	require.Equal(t, first, got.rec.Version)
}

func TestWaitReturnsADeletionMadeDuringAnOutage(t *testing.T) {
	r, _, _ := outage(t, func(direct kv.Storage, _ *clientv3.Client, _ kv.Version) {
		require.NoError(t, direct.Delete(t.Context(), "k"))
		create(t, direct, "k", "another life")
	})
	got := receive(t, r, "wait")
	require.NoError(t, got.err)
	require.Zero(t, got.rec)
}

func TestWaitAfterACompactionReturnsThePresentRecord(t *testing.T) {
	r, _, _ := outage(t, func(direct kv.Storage, c *clientv3.Client, v kv.Version) {
		v = replace(t, direct, "k", v, "first")
		replace(t, direct, "k", v, "second")
		compact(t, c)
	})
	got := receive(t, r, "wait")
	require.NoError(t, got.err)
	require.Equal(t, "second", string(got.rec.Value))
}

func TestWaitAfterACompactionReturnsZeroForADeletedRecord(t *testing.T) {
	r, _, _ := outage(t, func(direct kv.Storage, c *clientv3.Client, _ kv.Version) {
		require.NoError(t, direct.Delete(t.Context(), "k"))
		compact(t, c)
	})
	got := receive(t, r, "wait")
	require.NoError(t, got.err)
	require.Zero(t, got.rec)
}

func TestWaitGoesOnAfterACompactionThatChangedNothing(t *testing.T) {
	r, direct, v := outage(t, func(_ kv.Storage, c *clientv3.Client, _ kv.Version) { compact(t, c) })
	requireSilent(t, r, 300*time.Millisecond, "wait returned though the record is the same")
	v = replace(t, direct, "k", v, "new")
	got := receive(t, r, "wait")
	require.NoError(t, got.err)
	require.Equal(t, v, got.rec.Version)
}

func TestCompactionUnderAWaitOnAQuietKey(t *testing.T) {
	server := etcdtest.Start(t)
	st := openWatcher(t, server.Endpoint())
	v := create(t, st, "k", "old")
	r := st.standing(t, "k", v)
	compact(t, server.Client(t))
	requireSilent(t, r, 150*time.Millisecond, "compaction ended the wait")
	require.NoError(t, st.Delete(t.Context(), "k"))
	got := receive(t, r, "wait")
	require.NoError(t, got.err)
	require.Zero(t, got.rec)
}

func TestWaitSurvivesARestartOfTheServer(t *testing.T) {
	server := etcdtest.Start(t)
	st := openWatcher(t, server.Endpoint())
	v := create(t, st, "k", "old")
	r := st.standing(t, "k", v)
	server.Restart(t, func() { requireSilent(t, r, 200*time.Millisecond, "the outage ended the wait") })
	v = replace(t, server.Storage(t), "k", v, "new")
	got := receive(t, r, "wait")
	require.NoError(t, got.err)
	require.Equal(t, v, got.rec.Version)
}

func TestCloseEndsWaitsAndLeavesTheCallersClient(t *testing.T) {
	server := etcdtest.Start(t)
	client := server.Client(t)
	st := newStorage(client)
	v := create(t, st, "k", "")
	r := waiting(t.Context(), st, "k", v)
	eventually(t, "the watch stands", func() bool { return server.Watchers(t) == 1 })
	require.NoError(t, st.Close())
	require.ErrorIs(t, receive(t, r, "wait").err, kv.ErrClosed)
	require.NoError(t, st.Close(), "a repeat")
	eventually(t, "no watch on the server", func() bool { return server.Watchers(t) == 0 })
	_, err := client.Get(t.Context(), "k")
	require.NoError(t, err, "the client is the caller's")
	_, err = st.Get(t.Context(), "k")
	require.ErrorIs(t, err, kv.ErrClosed)
}
