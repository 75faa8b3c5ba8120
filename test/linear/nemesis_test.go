//go:build linux

package linear

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/test/internal/cluster"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// stage is a cluster with a client to each member, and others that reach all of them, each on a way of its own.
type stage struct {
	c       *cluster.Cluster
	ways    []cluster.Way
	handles []kv.Storage
}

func newStage(t *testing.T) *stage {
	s := &stage{c: cluster.Start(t, 3)}
	for i := range clients {
		way := s.c.Way(t)
		if i < len(way) {
			way = way[i : i+1]
		}
		s.ways = append(s.ways, way)
		s.handles = append(s.handles, way.Storage(t))
	}
	return s
}

// proxies are all ways of all clients.
func (s *stage) proxies() []*etcdtest.Proxy { return slices.Concat(s.ways...) }

// to does the same to the links of all clients to a member.
func (s *stage) to(m *cluster.Member, f func(*etcdtest.Link)) {
	n := slices.Index(s.c.Members, m)
	for i, way := range s.ways {
		switch {
		case i == n:
			f(way[0].Link)
		case len(way) > 1:
			f(way[n].Link)
		}
	}
}

// nemesis is what befalls the cluster in a history. It proves that it bites, lasts for so long, and proves that it is over.
type nemesis struct {
	name   string
	strike func(t *testing.T, s *stage, lasts time.Duration)
}

var (
	leaderCutOff  = nemesis{"the leader is cut off from the others", cutOffLeader}
	waysDisturbed = nemesis{"the ways of clients are disturbed", disturbWays}
	followerStops = nemesis{"a follower is paused", onFollower((*cluster.Member).Freeze, (*cluster.Member).Thaw)}
)

var nemeses = []nemesis{
	{"the leader is killed", onLeader((*cluster.Member).Crash, (*cluster.Member).Restart)},
	{"the leader is paused", onLeader((*cluster.Member).Freeze, (*cluster.Member).Thaw)},
	leaderCutOff,
	waysDisturbed,
	{"the majority is lost", loseMajority},
	{"a follower is killed", onFollower((*cluster.Member).Crash, (*cluster.Member).Restart)},
	followerStops,
	{"the leader is cut off from everybody", onLeader((*cluster.Member).Isolate, (*cluster.Member).Rejoin)},
}

// memberFault is what is done to a member.
type memberFault func(m *cluster.Member, t testing.TB)

func onLeader(do, undo memberFault) func(*testing.T, *stage, time.Duration) {
	return func(t *testing.T, s *stage, lasts time.Duration) { s.strike(t, s.c.Leader(t), do, undo, lasts) }
}

func onFollower(do, undo memberFault) func(*testing.T, *stage, time.Duration) {
	return func(t *testing.T, s *stage, lasts time.Duration) {
		others := s.c.Leader(t).Others()
		s.strike(t, others[rand.N(len(others))], do, undo, lasts)
	}
}

// strike does something to a member, which a client's own way to it must not lead around.
func (s *stage) strike(t *testing.T, m *cluster.Member, do, undo memberFault, lasts time.Duration) {
	s.to(m, func(l *etcdtest.Link) { l.Blackhole(true) })
	do(m, t)
	time.Sleep(lasts)
	s.to(m, func(l *etcdtest.Link) { l.Blackhole(false); l.Cut() })
	undo(m, t)
}

// cutOffLeader cuts the leader off from the other members; clients reach it still, and it may think that it leads.
func cutOffLeader(t *testing.T, s *stage, lasts time.Duration) {
	m := s.c.Leader(t)
	m.Isolate(t)
	time.Sleep(lasts)
	m.Rejoin(t)
}

func disturbWays(_ *testing.T, s *stage, lasts time.Duration) {
	undisturbed := disturbAll(s.proxies(), rand.Uint64())
	time.Sleep(lasts + time.Second)
	undisturbed()
}

func loseMajority(t *testing.T, s *stage, lasts time.Duration) {
	leader := s.c.Leader(t)
	for _, m := range []*cluster.Member{leader, leader.Others()[rand.N(2)]} {
		m.Pause(t)
		defer m.Thaw(t)
	}
	s.c.ProvenDown(t)
	time.Sleep(lasts)
}

// playUnder is play for as long as the nemesis takes.
func (sum *tally) playUnder(t *testing.T, w *world, s *stage, n nemesis, handles []kv.Storage, seed uint64) []porcupine.Operation {
	t.Helper()
	end := make(chan struct{})
	all := newClients(w, handles, seed)
	wait := let(all, func(c *client) { c.runUntil(end, 6*time.Millisecond) })
	func() {
		defer wait()
		defer close(end)
		time.Sleep(200 * time.Millisecond)
		n.strike(t, s, time.Second/2+rand.N(time.Second/2))
		time.Sleep(300 * time.Millisecond)
	}()
	return sum.gather(t, all, seed)
}

// throughFaults is about how long a call lasts at most where a member fails: shorter than the fault, so that outcomes are unknown.
const throughFaults = 400 * time.Millisecond

// TestEtcdIsLinearizableUnderFaultsOfMembers is S1: members are killed, paused and cut off, and so are the ways of clients, some of which
// know one member only. Versions are in order over all members and all histories.
func TestEtcdIsLinearizableUnderFaultsOfMembers(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var sum tally
	var versions numbering
	next := 0
	eachUntil(t, len(nemeses), func() bool { return sum.effective > 0 }, func(seed uint64) {
		n := nemeses[next%len(nemeses)]
		next++
		w := newWorld(kv.Key(fmt.Sprintf("%d/", seed)), throughFaults)
		start := time.Now()
		var one tally
		ops := one.playUnder(t, w, s, n, s.handles, seed)
		took := time.Since(start)
		requireLinear(t, ops, seed)
		one.slowest = time.Since(start) - took
		versions.add(w.start, ops)
		t.Logf("%s: %d operations in %v, %d unknown, %d of them effective, %d failed for certain; checked in %v", n.name, len(ops),
			took.Round(time.Millisecond), one.unknown, one.effective, one.failed, one.slowest.Round(time.Millisecond))
		require.Greater(t, len(ops)-one.unknown, 10, "%s: too little was done to prove anything", n.name)
		sum.count(one)
	})
	sum.log(t)
	require.NoError(t, versions.disorder())
	t.Logf("%d writes have versions in order", versions.writes())
	require.Greater(t, sum.ops-sum.unknown, 25*len(nemeses), "too little was done to prove anything")
	require.NotZero(t, sum.overlaps, "nothing ran at the same time")
	require.NotZero(t, sum.effective, "no lost answer was of a write that took effect")
}

// count adds what another tally counted.
func (sum *tally) count(other tally) {
	sum.histories += other.histories
	sum.ops += other.ops
	sum.overlaps += other.overlaps
	sum.failed += other.failed
	sum.unknown += other.unknown
	sum.effective += other.effective
	sum.slowest = max(sum.slowest, other.slowest)
}
