//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/test/internal/cluster"
)

// service is what all instances are of.
const service = "api"

// registrar is the process of some instances: its arguments are the endpoints, and how many.
func registrar(ctx context.Context, args []string, ready func(string)) error {
	st, err := etcd.Open(args[1:], nil)
	if err != nil {
		return err
	}
	defer st.Close()
	r := registry.New(st, &registry.Options{TTL: ttl})
	for i := range 3 {
		if _, err := r.Register(ctx, registry.Instance{Service: service, ID: fmt.Sprint(args[0], i)}); err != nil {
			return err
		}
	}
	ready("registered")
	<-ctx.Done()
	return r.Close(context.Background())
}

// observer follows a view and notes every live instance that it did not show.
type observer struct {
	view *registry.View

	mu       sync.Mutex
	live     []string // the instances that live all the time
	vanished []string
	seen     int // snapshots
}

func (o *observer) follow(ctx context.Context) {
	for gen := uint64(0); ; {
		s, err := o.view.Next(ctx, gen)
		if err != nil {
			return
		}
		gen = s.Gen
		o.mu.Lock()
		o.seen++
		for _, id := range o.live {
			if s.Instance(id) == nil {
				o.vanished = append(o.vanished, fmt.Sprintf("%s in snapshot %d, which is %v", id, s.Gen, s.Health))
			}
		}
		o.mu.Unlock()
	}
}

// S11: members that lead are killed, paused and cut off. Instances that live never vanish from a view, in either way of watching, with a TTL
// of 10 s where nobody is paused and a longer one where somebody is; and those whose process was killed go when their lease has run out.
func TestLiveInstancesNeverVanish(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, 3)
	// Half as long again as any member is stopped, and more: see TestLeaderThatWasStoppedEndsLiveLeases.
	healthy := registry.New(c.Storage(t), &registry.Options{TTL: 30 * time.Second})
	live := register(t, healthy, "live", 20)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var following sync.WaitGroup
	observers := map[string]*observer{}
	for name, st := range map[string]kv.Storage{"watching the range": c.Storage(t), "waiting for records": kvtest.Hide(c.Storage(t))} {
		// Nothing is held back: what a view shows is what the store has.
		r := registry.New(st, &registry.Options{HoldFor: -1, Linger: -1, TTL: ttl})
		t.Cleanup(func() { require.NoError(t, r.Close(context.Background())) })
		o := &observer{view: r.View(service), live: live}
		_, err := o.view.WaitFor(t.Context(), len(live))
		require.NoError(t, err)
		following.Go(func() { o.follow(ctx) })
		observers[name] = o
	}
	for round, fault := range memberFaults() {
		shorter := registry.New(c.Storage(t), &registry.Options{TTL: 10 * time.Second})
		present := live
		if fault.name != "pause" && !brief() { // no member is stopped for as long, and the machine is not busy with other things
			present = append(slices.Clone(live), register(t, shorter, fmt.Sprint("shorter", round, "-"), 20)...)
		}
		doomed := cluster.Run(t, "registrar", append([]string{fmt.Sprint("doomed", round, "-")}, c.Endpoints()...)...)
		for _, o := range observers {
			_, err := o.view.WaitFor(t.Context(), len(present)+3)
			require.NoError(t, err)
			o.expect(present)
		}
		leader := c.Leader(t)
		start := time.Now()
		doomed.Kill()
		fault.do(leader, t)
		for name, o := range observers {
			o.untilOnly(t, len(present))
			t.Logf("%s, %s: the dead had gone after %v, with a TTL of %v", fault.name, name, time.Since(start), ttl)
		}
		fault.undo(leader, t)
		for _, o := range observers {
			o.expect(live)
		}
		require.NoError(t, shorter.Close(t.Context()))
		for _, o := range observers {
			o.untilOnly(t, len(live))
		}
	}
	cancel()
	following.Wait()
	for name, o := range observers {
		require.Empty(t, o.vanished, name)
		require.Greater(t, o.seen, len(memberFaults()), "%s: the view has hardly moved", name)
		ids := make([]string, 0, len(live))
		for _, i := range o.view.Snapshot().Instances {
			ids = append(ids, i.ID)
		}
		require.ElementsMatch(t, live, ids, name)
	}
	require.NoError(t, healthy.Close(t.Context()))
}

// register registers so many instances.
func register(t *testing.T, r *registry.Registry, name string, n int) (ids []string) {
	t.Helper()
	for i := range n {
		ids = append(ids, fmt.Sprint(name, i))
		_, err := r.Register(t.Context(), registry.Instance{Service: service, ID: ids[i]})
		require.NoError(t, err)
	}
	return ids
}

// expect says which instances live from here on.
func (o *observer) expect(live []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.live = live
}

// untilOnly waits until the view shows so many instances.
func (o *observer) untilOnly(t *testing.T, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	for gen := uint64(0); ; {
		s, err := o.view.Next(ctx, gen)
		require.NoError(t, err, "the dead have not gone")
		if len(s.Instances) == n {
			return
		}
		gen = s.Gen
	}
}

// etcd's own, with its plain client, which talks to a member that nothing befalls: the leader is stopped, another one is elected, which renews
// leases, and when the old one goes on it ends those that have run out by its own clock. It asks itself whether it still leads, and takes a tick
// of its clock since it went on for a yes; what it then proposes reaches the new leader. It is a race, which the old leader mostly wins.
// Leases of which two thirds are longer than the stop have not run out for it. This may go when etcd does not do it any more.
func TestLeaderThatWasStoppedEndsLiveLeases(t *testing.T) {
	atLength(t)
	t.Parallel()
	c := cluster.Start(t, 3)
	const stopped = 7 * time.Second
	for round := 1; ; round++ {
		require.LessOrEqual(t, round, 8, "the old leader ended no lease that lived")
		leader := c.Leader(t)
		client := leader.Others()[0].Client(t)
		ctx, cancel := context.WithCancel(t.Context())
		var renewing sync.WaitGroup
		var short, safe atomic.Int32
		for range 40 {
			renewing.Go(func() { renew(ctx, t, client, 5*time.Second, &short) })
			renewing.Go(func() { renew(ctx, t, client, 15*time.Second, &safe) })
		}
		time.Sleep(time.Second)
		leader.Pause(t)
		time.Sleep(stopped)
		leader.Thaw(t)
		time.Sleep(8 * time.Second) // the first that it proposes are lost, for which it waits 7 s
		cancel()
		renewing.Wait()
		t.Logf("after a stop of %v: of 40 leases of 5 s %d were ended that had been renewed in time, of 40 of 15 s %d", stopped, short.Load(), safe.Load())
		require.Zero(t, safe.Load())
		if short.Load() > 0 {
			return
		}
	}
}

// renew keeps a lease alive until ctx ends, and counts it if it is gone before the TTL after an acknowledged renewal was sent.
func renew(ctx context.Context, t *testing.T, client *clientv3.Client, ttl time.Duration, ended *atomic.Int32) {
	lease, err := client.Grant(ctx, int64(ttl/time.Second))
	if err != nil {
		t.Errorf("grant: %v", err)
		return
	}
	for acknowledged := time.Now(); ctx.Err() == nil; time.Sleep(ttl / 6) {
		sent := time.Now()
		within, cancel := context.WithTimeout(ctx, time.Second)
		_, err := client.KeepAliveOnce(within, lease.ID)
		cancel()
		switch {
		case err == nil:
			acknowledged = sent
		case errors.Is(err, rpctypes.ErrLeaseNotFound):
			if sent.Sub(acknowledged) < ttl {
				ended.Add(1)
			}
			return
		}
	}
}
