//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/health" // for the clients that ask members how they are

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/test/internal/cluster"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// windows are the times after a fault in which calls that have a second each are counted, by when they began.
var windows = []time.Duration{0, 3 * time.Second, 10 * time.Second, 30 * time.Second}

// L4, L5: a member is stopped, or the way to it held, and closes no connection; or it is killed. Hardly a read of coord's fails if it was a
// follower, and from three seconds on hardly a call, while the plain client loses a third for as long as it lasts. The others show what
// settings of the plain client's come to.
func TestShortCallsAvoidASilentMember(t *testing.T) {
	atLength(t)
	t.Parallel()
	c := cluster.Start(t, 3)
	counted := windows
	if *long == 1 {
		counted = windows[:3]
	}
	for _, fault := range silences {
		var all []*caller
		for _, m := range manners {
			way := c.Way(t)
			all = append(all, newCaller(t, m.name, way, m.open(t, way.Endpoints()), len(counted)-1))
		}
		victim := c.Leader(t)
		if fault.follower {
			victim = victim.Others()[0]
		}
		for _, a := range all {
			a.far = a.way[slices.Index(c.Members, victim)].Link
		}
		start := time.Now()
		fault.do(t, victim, all)
		var calling sync.WaitGroup
		for _, a := range all {
			a.start(t.Context(), &calling, start, counted)
		}
		calling.Wait()
		fault.undo(t, victim, all)
		for _, a := range all {
			t.Logf("%s: %s: failed, from %v on: reads%v, writes%v", fault.name, a.name, counted[:len(counted)-1], &a.gets, &a.cas)
			require.NoError(t, a.st.Close())
		}
		plain, ours := all[0], all[len(all)-1]
		for w := 1; w < len(counted)-1; w++ {
			require.LessOrEqual(t, 20*ours.gets.failed[w], ours.gets.made[w], "%s: reads", fault.name)
			require.LessOrEqual(t, 20*ours.cas.failed[w], ours.cas.made[w], "%s: writes", fault.name)
		}
		if fault.silent && fault.follower { // the store itself goes on, and another member can be asked
			require.LessOrEqual(t, 20*ours.gets.failed[0], ours.gets.made[0], "%s: reads while nobody knows of it", fault.name)
		}
		if fault.silent {
			require.NotZero(t, plain.gets.failed[1], "%s does not bite: a plain client notices nothing", fault.name)
		}
	}
}

// silence is something that befalls a member, or the callers' ways to it, and its end.
type silence struct {
	name     string
	follower bool // befalls one that does not lead
	silent   bool // closes no connection
	do, undo func(t *testing.T, victim *cluster.Member, all []*caller)
}

var silences = []silence{
	{"stop of a follower", true, true, stop, thaw},
	{"stop of the leader", false, true, stop, thaw},
	{"hold of the ways to a follower", true, true, hold, release},
	{"hold of the ways to the leader", false, true, hold, release},
	{"kill of the leader", false, false, kill, restart},
}

func stop(t *testing.T, m *cluster.Member, _ []*caller)    { m.Pause(t) }
func thaw(t *testing.T, m *cluster.Member, _ []*caller)    { m.Thaw(t) }
func kill(_ *testing.T, m *cluster.Member, _ []*caller)    { m.Kill() }
func restart(t *testing.T, m *cluster.Member, _ []*caller) { m.Restart(t) }

func hold(_ *testing.T, _ *cluster.Member, all []*caller) {
	for _, a := range all {
		a.far.Blackhole(true)
	}
}

func release(_ *testing.T, _ *cluster.Member, all []*caller) {
	for _, a := range all {
		a.far.Blackhole(false)
		a.far.Cut()
	}
}

// manners are the ways to use the store, first the plain one, last coord's.
var manners = []struct {
	name string
	open func(t *testing.T, endpoints []string) *etcd.Storage
}{
	{"etcd's client", func(t *testing.T, endpoints []string) *etcd.Storage {
		return over(t, clientv3.Config{Endpoints: endpoints})
	}},
	{"with probes", func(t *testing.T, endpoints []string) *etcd.Storage {
		return over(t, clientv3.Config{Endpoints: endpoints, DialKeepAliveTime: 10 * time.Second, DialKeepAliveTimeout: 3 * time.Second})
	}},
	{"with probes and health checks", func(t *testing.T, endpoints []string) *etcd.Storage {
		return over(t, clientv3.Config{
			Endpoints: endpoints, DialKeepAliveTime: 10 * time.Second, DialKeepAliveTimeout: 3 * time.Second,
			DialOptions: []grpc.DialOption{
				grpc.WithDisableServiceConfig(), // the client's own, which is plain round robin
				grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}],"healthCheckConfig":{"serviceName":""}}`),
			},
		})
	}},
	{"coord", func(t *testing.T, endpoints []string) *etcd.Storage {
		st, err := etcd.Open(endpoints, nil)
		require.NoError(t, err)
		return st
	}},
}

// over is a storage on a client, which it has no part in the settings of.
func over(t *testing.T, cfg clientv3.Config) *etcd.Storage {
	cfg.Logger = zap.NewNop()
	client, err := clientv3.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return etcd.New(client, nil)
}

// caller is a program that reads and writes all the time.
type caller struct {
	name      string
	way       cluster.Way
	far       *etcdtest.Link // the part of the way that leads to the victim
	st        *etcd.Storage
	gets, cas tallies
}

// tallies counts calls by window.
type tallies struct {
	mu           sync.Mutex
	made, failed []int
}

func newTallies(n int) tallies { return tallies{made: make([]int, n), failed: make([]int, n)} }

// newCaller returns one that has called every member, so that connections to all of them stand.
func newCaller(t *testing.T, name string, way cluster.Way, st *etcd.Storage, n int) *caller {
	a := &caller{name: name, way: way, st: st, gets: newTallies(n), cas: newTallies(n)}
	for range 50 {
		_, err := st.GetRange(t.Context(), "a", "b")
		require.NoError(t, err)
		time.Sleep(5 * time.Millisecond)
	}
	return a
}

// start lets some read and some write until the last window is over.
func (a *caller) start(ctx context.Context, calling *sync.WaitGroup, start time.Time, counted []time.Duration) {
	for i := range 4 {
		rec := kv.Record{Key: kv.Key(fmt.Sprint(a.name, "/", i))}
		read := func(ctx context.Context) error {
			_, err := a.st.Get(ctx, rec.Key)
			if errors.Is(err, kv.ErrNotFound) {
				return nil // an answer
			}
			return err
		}
		calling.Go(func() { a.gets.count(ctx, start, counted, read) })
		// Its comparison fails, and is agreed upon by a majority all the same.
		write := func(ctx context.Context) error {
			_, err := a.st.CasByVersion(ctx, kv.Record{Key: rec.Key, Version: 1})
			if errors.Is(err, kv.ErrNotFound) {
				return nil
			}
			return err
		}
		calling.Go(func() { a.cas.count(ctx, start, counted, write) })
	}
}

// count calls on and on, with a second for each call.
func (c *tallies) count(ctx context.Context, start time.Time, counted []time.Duration, call func(ctx context.Context) error) {
	for w := 0; ; {
		for time.Since(start) >= counted[w+1] {
			if w++; w == len(c.made) {
				return
			}
		}
		within, cancel := context.WithTimeout(ctx, time.Second)
		err := call(within)
		cancel()
		c.mu.Lock()
		c.made[w]++
		if err != nil {
			c.failed[w]++
		}
		c.mu.Unlock()
		time.Sleep(30 * time.Millisecond)
	}
}

// String is what failed of what was called, in each window.
func (c *tallies) String() string {
	s := ""
	for w := range c.made {
		s += fmt.Sprintf(" %d/%d", c.failed[w], c.made[w])
	}
	return s
}
