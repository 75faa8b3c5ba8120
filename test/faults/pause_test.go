//go:build linux

package faults

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/test/internal/cluster"
)

// S4, S5, S10: processes hold locks and lead, and are stopped for longer than their leases live. What one of them was about to write when
// it was stopped it writes when it goes on: nobody can tell it before. So a careful holder makes a stale write where the stop fell between its
// look and its write, and only there: none finds its claim valid once the next one is in. The blind ones show that the fault bites.
func TestHolderPausedPastItsTTL(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, 1)
	for _, ttl := range ttls() {
		pauses := rounds() * max(1, int(6*time.Second/ttl)) // short leases may be waited out more often
		if brief() {
			pauses = 1
		}
		pauseHolders(t, c, ttl, pauses)
	}
}

// pauseHolders pauses one holder of many locks after the other, so many times.
func pauseHolders(t *testing.T, c *cluster.Cluster, ttl time.Duration, times int) {
	v := newVault()
	addr := v.serve(t)
	locks := append(names(fmt.Sprint(careful, ttl, "/"), 3), names(fmt.Sprint(blind, ttl, "/"), 1)...)
	workers := make(map[string]*cluster.Process)
	for _, name := range []string{"a", "b"} {
		workers[name] = startWorker(t, orders{Name: name, Endpoints: c.Endpoints(), Vault: addr, Locks: locks, TTL: ttl})
	}
	busy := func(name string) func() bool { // with locks of both manners
		return func() bool {
			in := strings.Join(v.inside(name), " ")
			return strings.Contains(in, careful) && strings.Contains(in, blind)
		}
	}
	paused := 0
	stale := func() int64 { return v.sum(func(lock string) bool { return strings.Contains(lock, blind) }).stale }
	for round := 0; round < times || round < times+10 && stale() == 0; round++ {
		victim := []string{"a", "b"}[round%2]
		require.Eventually(t, busy(victim), soon, time.Millisecond, "%s holds nothing", victim)
		start := time.Now()
		workers[victim].Pause(t)
		held := v.inside(victim)
		for _, lock := range held {
			if strings.Contains(lock, careful) {
				paused++
			}
		}
		require.Eventually(t, func() bool { return len(v.inside(victim)) == 0 }, soon, 5*time.Millisecond, "the locks were never taken over")
		t.Logf("all %d locks of the paused holder were taken over after %v, with a TTL of %v", len(held), time.Since(start), ttl)
		inTime(t, time.Since(start), ttl+time.Second, "takeover")
		workers[victim].Resume(t)
		require.Eventually(t, busy(victim), soon, time.Millisecond, "%s holds nothing any more", victim) // it has seen its losses
	}
	for name := range workers {
		require.Eventually(t, busy(name), soon, time.Millisecond, "%s holds nothing any more", name)
	}
	for name, w := range workers {
		require.NoError(t, w.Stop(), name)
	}
	all := v.sum(func(lock string) bool { return strings.Contains(lock, careful) })
	all.check(t, fmt.Sprintf("careful holders, %d of them paused", paused))
	all = v.sum(func(lock string) bool { return strings.Contains(lock, blind) })
	all.check(t, "blind holders")
	require.NotZero(t, all.stale, "the fault does not bite: blind holders write nothing stale")
}
