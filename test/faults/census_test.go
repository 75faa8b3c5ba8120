//go:build linux

package faults

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/semaphore"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/cluster"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// census counts who holds something of which there is a limit, by their own word.
type census struct {
	limit int64

	mu         sync.Mutex
	held       map[*session.Hold]int64 // until it is given back
	most       int64                   // that was held at one moment
	careless   *session.Hold           // of one who does not look
	carelessly int64                   // the most with what that one thinks that it holds
	holds      int
}

func newCensus(limit int64) *census {
	return &census{limit: limit, held: make(map[*session.Hold]int64)}
}

func (c *census) enter(h *session.Hold, weight int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[h] = weight
	c.holds++
	c.countLocked()
}

func (c *census) leave(h *session.Hold) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, h)
}

// countLocked counts at the moment between two looks at each: a hold that ends never begins again, so all who hold at both held then.
func (c *census) countLocked() {
	var hold []*session.Hold
	for h := range c.held {
		if (claim{Hold: h}).holds() {
			hold = append(hold, h)
		}
	}
	var sum, careless int64
	for _, h := range hold {
		if (claim{Hold: h}).holds() {
			sum += c.held[h]
		}
	}
	if !slices.Contains(hold, c.careless) {
		careless = c.held[c.careless] // zero if there is none
	}
	c.most, c.carelessly = max(c.most, sum), max(c.carelessly, sum+careless)
}

// count counts now and then, until ctx ends.
func (c *census) count(ctx context.Context) {
	for ctx.Err() == nil {
		c.mu.Lock()
		c.countLocked()
		c.mu.Unlock()
		time.Sleep(5 * time.Millisecond)
	}
}

// overlapped reports whether there were more than there may be, with the one who does not look.
func (c *census) overlapped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.carelessly > c.limit
}

// trust takes it that h holds until it is given back.
func (c *census) trust(h *session.Hold) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.careless, c.carelessly = h, 0
}

// user is a client of its own that takes and gives back, and once it is cut off keeps what it has.
type user struct {
	way cluster.Way
	s   *session.Session

	mu   sync.Mutex
	has  *claim // nil if it has nothing, or is about to give it back
	kept bool   // whatever it has
}

// keep makes the user keep what it holds, and reports whether it holds something.
func (u *user) keep() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.kept = u.has != nil && u.has.holds()
	return u.kept
}

// set sets what it has, unless it is to keep that, which it reports.
func (u *user) set(h *claim) (kept bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.kept {
		u.has = h
	}
	return u.kept
}

func (u *user) free() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.kept = false
}

// use takes some of what the census counts, again and again.
func (u *user) use(ctx context.Context, c *census, take func(context.Context, *session.Session) (claim, int64, error)) {
	for ctx.Err() == nil {
		h, weight, err := take(ctx, u.s)
		if err != nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		c.enter(h.Hold, weight)
		u.set(&h)
		time.Sleep(rand.N(50 * time.Millisecond))
		for u.set(nil) {
			time.Sleep(5 * time.Millisecond)
		}
		c.leave(h.Hold)
		_ = h.giveBack(context.Background())
	}
}

// takeUnits takes some units of a semaphore.
func takeUnits(ctx context.Context, s *session.Session) (claim, int64, error) {
	n := 1 + rand.N(int64(3))
	p, err := semaphore.New(s, "units", units, nil).Acquire(ctx, n)
	if err != nil {
		return claim{}, 0, err
	}
	return claim{p.Hold, p.Release, true}, n, nil
}

// takeSide reads, which takes one unit, or writes, which takes them all.
func takeSide(ctx context.Context, s *session.Session) (claim, int64, error) {
	if rand.N(3) == 0 {
		c, err := take(ctx, s, "rwmutex", "sides")
		return c, users, err
	}
	h, err := mutex.NewRW(s, "rw sides", nil).RLock(ctx)
	if err != nil {
		return claim{}, 0, err
	}
	return claim{h.Hold, h.Unlock, true}, 1, nil
}

const (
	units = 4
	users = 6
)

// S6, for what several hold at a time: users of a semaphore's units, and readers and writers, are cut off while they hold, and there are
// never more of them than there may be, by their own word. With one who does not look there are more.
func TestNeverMoreHoldThanMay(t *testing.T) {
	t.Parallel()
	c := cluster.Start(t, 1)
	for name, this := range map[string]struct {
		limit int64
		take  func(context.Context, *session.Session) (claim, int64, error)
	}{"semaphore": {units, takeUnits}, "readers and writers": {users, takeSide}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sum := newCensus(this.limit)
			ctx, cancel := context.WithCancel(context.Background())
			var work sync.WaitGroup
			defer work.Wait()
			defer cancel()
			work.Go(func() { sum.count(ctx) })
			var all []*user
			for range users {
				way := c.Way(t)
				u := &user{way: way, s: newSession(t, way.Storage(t), ttl)}
				all = append(all, u)
				work.Go(func() { u.use(ctx, sum, this.take) })
			}
			ways := cuts
			if brief() {
				ways = cuts[1:2]
			}
			for range rounds() {
				for _, cut := range ways {
					sum.cutOffOne(t, all, cut)
				}
			}
			cancel()
			work.Wait()
			t.Logf("%d holds; at most %d of %d at once", sum.holds, sum.most, sum.limit)
			require.LessOrEqual(t, sum.most, sum.limit)
			require.Positive(t, sum.most)
		})
	}
}

// cutOffOne cuts one that holds off until others hold what it had.
func (c *census) cutOffOne(t *testing.T, all []*user, cut cut) {
	t.Helper()
	var victim *user
	require.Eventually(t, func() bool {
		victim = all[rand.N(len(all))]
		return victim.keep()
	}, soon, time.Millisecond, "nobody holds")
	defer victim.free()
	victim.way.Each(func(l *etcdtest.Link) { cut.cut(l, true) })
	defer victim.way.Each(func(l *etcdtest.Link) { cut.cut(l, false); l.Cut() })
	start := time.Now()
	c.trust(victim.has.Hold) // which stays while it is kept
	require.Eventually(t, c.overlapped, soon, time.Millisecond, "%s: the fault does not bite: nobody took over", cut.name)
	require.True(t, cut.bites(victim.way), cut.name)
	t.Logf("%s: others held all after %v, with a TTL of %v", cut.name, time.Since(start), ttl)
}
