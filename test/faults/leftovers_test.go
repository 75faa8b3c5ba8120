//go:build linux

package faults

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/cluster"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// W1, in short: clients come, hold, wait, register and watch, while their streams are broken, their answers lost and the leader is stopped, and
// go. Nothing of theirs is left: in the store, on the members, or, in the long form, here. That does not run beside others, which would be
// counted too.
func TestNothingIsLeftBehind(t *testing.T) {
	if brief() {
		t.Parallel()
	}
	c := cluster.Start(t, 3)
	admin := c.Client(t)
	round := func(n int) {
		leader := c.Leader(t)
		var clients sync.WaitGroup
		var open []*etcd.Storage
		for i := range 6 {
			way := c.Way(t)
			st := way.Storage(t)
			open = append(open, st)
			clients.Go(func() { visit(t, way, st, fmt.Sprint(n, "-", i)) })
		}
		time.Sleep(500 * time.Millisecond)
		leader.Freeze(t)
		time.Sleep(time.Second)
		leader.Thaw(t)
		clients.Wait()
		// While the storages stand, which would take their watches with them.
		untilClean(t, func() []string { return append(stored(t, admin), watches(t, c)...) })
		for _, st := range open {
			require.NoError(t, st.Close())
		}
	}
	round(0) // what is made once, such as connections of the test's own, is there afterwards
	if brief() {
		return
	}
	http.DefaultClient.CloseIdleConnections()
	// Each way of a round leaves its proxies, which are the test's: a listener and a goroutine for each member.
	goroutines, files := runtime.NumGoroutine(), descriptors(t, os.Getpid())
	held := map[*cluster.Member]int{}
	for _, m := range c.Members {
		held[m] = descriptors(t, m.PID())
	}
	const proxies = 6 * 3
	for n := range rounds() {
		round(n + 1)
	}
	http.DefaultClient.CloseIdleConnections()
	more := rounds() * proxies
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines+more+2 }, soon, 10*time.Millisecond,
		"goroutines: %d before, %d for proxies, %d now", goroutines, more, runtime.NumGoroutine())
	require.Eventually(t, func() bool { return descriptors(t, os.Getpid()) <= files+more+2 }, soon, 10*time.Millisecond,
		"descriptors: %d before, %d for proxies, %d now", files, more, descriptors(t, os.Getpid()))
	for m, before := range held { // a member may open a log, or a connection to another member, meanwhile
		require.Eventually(t, func() bool { return descriptors(t, m.PID()) <= before+4 }, soon, 10*time.Millisecond, "of a member")
	}
}

// visit is the life of a client.
func visit(t *testing.T, way cluster.Way, st kv.Storage, name string) {
	s := session.New(st, &session.Options{TTL: ttl})
	r := registry.New(st, &registry.Options{TTL: ttl, Linger: -1})
	view := r.View(service)
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	var work sync.WaitGroup
	for _, kind := range kinds {
		work.Go(func() {
			for ctx.Err() == nil {
				if h, err := take(ctx, s, kind, "busy"); err == nil {
					time.Sleep(20 * time.Millisecond)
					_ = h.giveBack(ctx)
				}
			}
		})
	}
	work.Go(func() {
		_, _ = r.Register(ctx, registry.Instance{Service: service, ID: name})
		_, _ = view.WaitFor(ctx, 1000) // in vain
	})
	// So much on their way that something is whenever a wait ends.
	way.Each(func(l *etcdtest.Link) { l.Delay(etcdtest.Replies, 30*time.Millisecond) })
	work.Go(func() { // answers are lost, and streams break
		for ctx.Err() == nil {
			time.Sleep(300 * time.Millisecond)
			way.Each(func(l *etcdtest.Link) { l.Lose(etcdtest.Replies, true) })
			time.Sleep(20 * time.Millisecond)
			way.Each(func(l *etcdtest.Link) { l.Lose(etcdtest.Replies, false); l.Cut() })
		}
	})
	work.Wait()
	view.Close()
	end, stop := context.WithTimeout(context.Background(), soon)
	defer stop()
	if err := r.Close(end); err != nil {
		t.Errorf("%s: close registry: %v", name, err)
	}
	if err := s.Close(end); err != nil {
		t.Errorf("%s: close session: %v", name, err)
	}
}

// untilClean waits until nothing is left.
func untilClean(t *testing.T, leftovers func() []string) {
	t.Helper()
	start := time.Now()
	for {
		left := leftovers()
		if len(left) == 0 {
			t.Logf("clean %v after the last client", time.Since(start))
			return
		}
		require.Less(t, time.Since(start), soon, "left behind: %v", left)
		time.Sleep(50 * time.Millisecond)
	}
}

// stored are the leases, and the keys but those that are there to stay.
func stored(t *testing.T, admin *clientv3.Client) (left []string) {
	t.Helper()
	leases, err := admin.Leases(t.Context())
	require.NoError(t, err)
	for _, l := range leases.Leases {
		left = append(left, fmt.Sprintf("lease %x", l.ID))
	}
	first, end := kv.PrefixRange("coord/")
	all, err := admin.Get(t.Context(), string(first), clientv3.WithRange(string(end)))
	require.NoError(t, err)
	for _, r := range all.Kvs {
		if k := string(r.Key); !strings.HasSuffix(k, "/term") && !strings.HasSuffix(k, "/e") && !strings.HasSuffix(k, "/limit") {
			left = append(left, k)
		}
	}
	return left
}

// watches are those of all members.
func watches(t *testing.T, c *cluster.Cluster) (left []string) {
	t.Helper()
	for _, m := range c.Members {
		if n := m.Metric(t, "etcd_debugging_mvcc_watcher_total"); n > 0 {
			left = append(left, fmt.Sprint(n, " watches"))
		}
	}
	return left
}

// descriptors is how many files a process has open.
func descriptors(t *testing.T, pid int) int {
	t.Helper()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	require.NoError(t, err)
	return len(files)
}
