package mutex

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/fault"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/seeded"
	"github.com/coordkit/coord/test/internal/worlds"
)

// TestNeverTwoHolders runs processes whose ways to the store fail in every manner, that are cut off and come back, whose leases are
// revoked and whose locks are broken, and whose workers write, read, try, downgrade, take several locks and give up waiting, all at random.
// A failure prints its seed; -seed replays it.
func TestNeverTwoHolders(t *testing.T) {
	for _, c := range []struct {
		name string
		wrap func(kv.Storage) kv.Storage
	}{
		{"with capabilities", func(st kv.Storage) kv.Storage { return st }},
		{"without watches of ranges", func(st kv.Storage) kv.Storage { return worlds.Unwatched(st) }},
		{"without", kvtest.Hide},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			runs, grants := seeded.Runs(t, 30, func(t *testing.T, seed uint64) int { return simulate(t, seed, c.wrap) })
			t.Logf("%d grants in %d runs", grants, runs)
			require.Greater(t, grants, runs*20, "too few grants to prove anything")
		})
	}
}

const (
	trouble  = 20 * time.Second // how long a run goes wrong
	recovery = time.Minute      // after which nobody waits any more, and nothing is left
)

// faults are those of each process's way to the store.
var faults = fault.Faults{
	Refused: 0.04, RequestLost: 0.04, AnswerLost: 0.04, Late: 0.04, LateAtMost: 3 * time.Second, DelayAtMost: 3 * time.Millisecond,
}

// simulation is one random run.
type simulation struct {
	store     *memory.Storage
	processes []*process
	guarded   []*guarded // what the locks guard
	excuses   excuses
}

// process is one of a simulation.
type process struct {
	handle *memory.Storage
	way    *fault.Storage
	ranges *watched   // nil where there is no such capability
	st     kv.Storage // the way, or the watched one
	s      *session.Session
}

func simulate(t *testing.T, n uint64, wrap func(kv.Storage) kv.Storage) int {
	sim := &simulation{store: memory.New(nil)}
	defer sim.store.Close()
	sim.guarded = []*guarded{{name: "a", excuses: &sim.excuses}, {name: "b", excuses: &sim.excuses, delay: 200 * time.Millisecond}}
	bad, cancel := context.WithTimeout(t.Context(), trouble)
	defer cancel()
	whole, cancel := context.WithTimeout(t.Context(), trouble+recovery)
	defer cancel()

	var work sync.WaitGroup
	for p := range uint64(3) {
		pr := sim.process(n*10+p, wrap)
		sim.processes = append(sim.processes, pr)
		for w := range uint64(3) {
			dice := rand.New(rand.NewPCG(n, p*10+w))
			work.Go(func() { (&worker{t: t, sim: sim, p: pr, dice: dice}).work(bad, whole) })
		}
		dice := rand.New(rand.NewPCG(n, 1000+p))
		work.Go(func() { sim.disturb(bad, pr, dice) })
	}
	dice := rand.New(rand.NewPCG(n, 2000))
	work.Go(func() { sim.breakIn(bad, t, dice) })
	<-bad.Done()
	for _, p := range sim.processes {
		p.handle.SetConnected(true)
		p.way.Heal()
	}
	work.Wait()
	sim.afterwards(t)
	return sim.grants()
}

// process makes a process whose views, if it has any, lag behind.
func (sim *simulation) process(seed uint64, wrap func(kv.Storage) kv.Storage) *process {
	p := &process{handle: sim.store.Connect()}
	p.way = fault.New(wrap(p.handle), seed, faults)
	p.st = p.way
	if ranges, ok := kv.As[kv.RangeWatcher](p.st); ok {
		var mu sync.Mutex
		dice := rand.New(rand.NewPCG(seed, 1))
		p.ranges = newWatched(p.st, ranges)
		p.ranges.lag = func() time.Duration {
			mu.Lock()
			defer mu.Unlock()
			return time.Duration(max(0, dice.IntN(40)-20)) * time.Millisecond
		}
		p.st = p.ranges
	}
	p.s = session.New(p.st, &session.Options{TTL: 5 * time.Second, OnEvent: sim.hear})
	return p
}

// hear keeps when holds are lost, which a delay is counted from.
func (sim *simulation) hear(e session.Event) {
	for _, g := range sim.guarded {
		if e.Kind == session.Lost && e.Name == g.name {
			g.lose(e.Token)
		}
	}
}

func (sim *simulation) grants() int {
	n := 0
	for _, g := range sim.guarded {
		n += g.grants
	}
	return n
}

// afterwards checks what must hold when everything has healed: nothing is left, also while the sessions and their leases live on, but
// what a loss leaves for the next holder of a lock with a delay, who clears it away.
func (sim *simulation) afterwards(t *testing.T) {
	time.Sleep(recovery) // of the bubble; what clears away in the background comes back every 30 s at least
	ctx, cancel := context.WithTimeout(t.Context(), recovery)
	defer cancel()
	start, end := kv.PrefixRange("coord/lock/")
	left, err := sim.store.GetRange(ctx, start, end)
	assert.NoError(t, err)
	assert.Empty(t, left, "left behind")
	for _, g := range sim.guarded {
		m := mutex.New(sim.processes[0].s, g.name, g.options())
		assert.NoError(t, m.Do(ctx, func(context.Context, *mutex.Held) error { return nil }))
	}
	start, end = kv.PrefixRange("coord/")
	left, err = sim.store.GetRange(ctx, start, end)
	assert.NoError(t, err)
	assert.Empty(t, left, "not cleared away")
	for _, p := range sim.processes {
		assert.NoError(t, p.s.Close(ctx), "Close")
		p.way.Wait()
		assert.NoError(t, p.way.Close())
	}
}

// disturb cuts the process off, revokes its lease, and has its views begin again or end, now and then, until ctx ends.
func (sim *simulation) disturb(ctx context.Context, p *process, dice *rand.Rand) {
	for ctx.Err() == nil {
		pause(ctx, time.Duration(dice.IntN(8000))*time.Millisecond)
		switch dice.IntN(4) {
		case 0:
			p.handle.SetConnected(false)
			pause(ctx, time.Duration(dice.IntN(9000))*time.Millisecond)
			p.handle.SetConnected(true)
		case 1:
			if l, err := sim.store.Lessor().GetLease(p.s.LeaseID()); err == nil && dice.IntN(4) == 0 {
				sim.excuses.revoked(l.Id())
				_ = l.Release()
			}
		case 2:
			if p.ranges != nil {
				p.ranges.beginAgain()
			}
		case 3:
			if p.ranges != nil {
				p.ranges.cut()
			}
		}
	}
}

// breakIn takes locks away from whoever holds them, now and then, until ctx ends.
func (sim *simulation) breakIn(ctx context.Context, t *testing.T, dice *rand.Rand) {
	for ctx.Err() == nil {
		pause(ctx, time.Duration(dice.IntN(8000))*time.Millisecond)
		g := sim.guarded[dice.IntN(len(sim.guarded))]
		info, err := mutex.Inspect(ctx, sim.store, g.name)
		if err != nil || len(info.Holders) == 0 {
			continue
		}
		token := info.Holders[dice.IntN(len(info.Holders))].Token
		sim.excuses.broken(token, true)
		err = mutex.Break(ctx, sim.processes[dice.IntN(len(sim.processes))].st, g.name, token)
		if err != nil && !expected(err) && !isNotHeld(err) {
			t.Errorf("Break: %v", err)
		}
		sim.excuses.broken(token, !isNotHeld(err))
	}
}
