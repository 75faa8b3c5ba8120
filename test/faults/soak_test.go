//go:build linux

package faults

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/test/internal/cluster"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

var (
	soak        = flag.Duration("soak", 0, "how long TestSoak lasts; zero: it does not run")
	soakReport  = flag.String("soak.report", "", "the file that TestSoak writes its report to, in Markdown")
	soakMachine = flag.String("soak.machine", fmt.Sprint(runtime.NumCPU(), " processors"), "what the report says of the machine")
)

// soakEvery is how often something goes wrong in a soak, and warmUp the time at its beginning of which no use of resources is told. What may
// have been written is looked after for ten minutes, each by a goroutine, which are not counted: a run that is long enough begins to tell at
// lateOver, from when on as many of them go as come.
const (
	soakEvery = 10 * time.Second
	warmUp    = time.Minute
	lateOver  = 11 * time.Minute
)

// W1: locks, elections, registrations and swaps go on for long while a fault comes every ten seconds. Nothing that was promised is broken, and
// what this process uses does not grow. It is for a machine of its own, and needs the flag -soak.
func TestSoak(t *testing.T) {
	if *soak == 0 {
		t.Skip("run it with -soak=10m -timeout=30m")
	}
	require.Greater(t, *soak, warmUp+3*soakEvery, "too short to tell anything")
	c := cluster.Start(t, 3)
	j := newJournal()
	l := startLoad(t, c, j)
	ctx, cancel := context.WithCancel(t.Context())
	var watching sync.WaitGroup
	watching.Go(func() { j.watch(ctx, t) })
	admin := c.Client(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	for n := 0; time.Since(j.start) < *soak; n++ {
		next := j.start.Add(time.Duration(n+1) * soakEvery)
		time.Sleep(time.Until(next))
		f := disasters[dice.IntN(len(disasters))]
		begun := j.fault(f.name)
		f.strike(t, c, l, dice)
		lasted := time.Since(begun)
		time.Sleep(time.Until(next.Add(soakEvery - 100*time.Millisecond)))
		j.endSlot(lasted)
		compact(t, admin)
	}
	cancel()
	watching.Wait()
	took := time.Since(j.start)
	l.end(t)
	own := func() int { return goroutines("coord/backends/") + goroutines("coord/primitives/") }
	require.Eventually(t, func() bool { return own() == 0 }, soon, 10*time.Millisecond, "goroutines are left")
	text := j.report(took)
	t.Log("\n" + text)
	if *soakReport != "" {
		require.NoError(t, os.WriteFile(*soakReport, []byte(text), 0o644))
	}
	require.Empty(t, j.broken)
	for kind, k := range j.kinds {
		require.NotZero(t, k.done, kind)
		require.Less(t, k.over, time.Second+500*time.Millisecond, "%s: one outlasted its time", kind)
	}
	if *soak < 10*time.Minute {
		return // two or three faults in a third: which they are decides what is used
	}
	for _, r := range j.resources() {
		require.LessOrEqual(t, r.last, 1.1*r.first, "%s: the last third of the time, and the first", r.name)
	}
}

// goroutines is how many there are that have to do with a package.
func goroutines(of string) (n int) {
	b := make([]byte, 8<<20)
	for g := range strings.SplitSeq(string(b[:runtime.Stack(b, true)]), "\n\n") {
		if strings.Contains(g, of) {
			n++
		}
	}
	return n
}

// compact takes the history away, as etcd is set up to do by itself.
func compact(t *testing.T, admin *clientv3.Client) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if now, err := admin.Get(ctx, "alive"); err == nil {
		_, _ = admin.Compact(ctx, now.Header.Revision) // the next one will do if this one does not
	}
}

// disaster is what befalls a soak; it proves that it bites where a member is hit.
type disaster struct {
	name   string
	strike func(t *testing.T, c *cluster.Cluster, l *load, dice *rand.Rand)
}

var disasters = []disaster{
	ofMember("the leader is killed", true, (*cluster.Member).Crash, (*cluster.Member).Restart),
	ofMember("a follower is killed", false, (*cluster.Member).Crash, (*cluster.Member).Restart),
	ofMember("the leader is stopped", true, (*cluster.Member).Freeze, (*cluster.Member).Thaw),
	ofMember("a follower is stopped", false, (*cluster.Member).Freeze, (*cluster.Member).Thaw),
	ofMember("the leader is cut off from the others", true, (*cluster.Member).Isolate, (*cluster.Member).Rejoin),
	{"the majority is lost", func(t *testing.T, c *cluster.Cluster, _ *load, dice *rand.Rand) {
		leader := c.Leader(t)
		both := []*cluster.Member{leader, leader.Others()[dice.IntN(2)]}
		for _, m := range both {
			m.Pause(t)
		}
		c.ProvenDown(t)
		time.Sleep(shortly(dice))
		for _, m := range both {
			m.Resume(t)
		}
		c.UntilServing(t)
	}},
	ofClient("a client is cut off", (*etcdtest.Link).Blackhole, shortly),
	ofClient("a client is cut off for longer than its leases live", (*etcdtest.Link).Blackhole,
		func(*rand.Rand) time.Duration { return soakTTL + time.Second }),
	ofClient("a client loses answers", func(l *etcdtest.Link, on bool) { l.Lose(etcdtest.Replies, on) }, shortly),
	ofClient("a client's connections are reset", (*etcdtest.Link).Refuse, func(*rand.Rand) time.Duration { return 100 * time.Millisecond }),
}

func shortly(dice *rand.Rand) time.Duration {
	return time.Second + time.Duration(dice.Int64N(int64(2*time.Second)))
}

func ofMember(name string, leader bool, do, undo func(*cluster.Member, testing.TB)) disaster {
	return disaster{name, func(t *testing.T, c *cluster.Cluster, l *load, dice *rand.Rand) {
		m := c.Leader(t)
		if !leader {
			m = m.Others()[dice.IntN(2)]
		}
		n := slices.Index(c.Members, m)
		way := func(on bool) {
			for _, w := range l.ways {
				w[n].Blackhole(on)
				if !on {
					w[n].Cut()
				}
			}
		}
		if name == "the leader is cut off from the others" {
			way = func(bool) {} // clients reach it still
		}
		way(true)
		do(m, t)
		time.Sleep(shortly(dice))
		way(false)
		undo(m, t)
	}}
}

func ofClient(name string, cut func(*etcdtest.Link, bool), lasts func(*rand.Rand) time.Duration) disaster {
	return disaster{name, func(_ *testing.T, _ *cluster.Cluster, l *load, dice *rand.Rand) {
		way := l.ways[dice.IntN(len(l.ways))]
		way.Each(func(l *etcdtest.Link) { cut(l, true) })
		time.Sleep(lasts(dice))
		way.Each(func(l *etcdtest.Link) { cut(l, false); l.Cut() })
	}}
}
