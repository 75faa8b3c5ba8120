package semaphore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/fault"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/semaphore"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/seeded"
)

// room is the resource: it knows who is in it.
type room struct {
	mu     sync.Mutex
	limit  int64 // the highest there was
	in     []*semaphore.Permit
	newest kv.Version          // the greatest token that was let in
	struck map[kv.Version]bool // tokens of who waited when the entry was deleted
	grants int
}

// last is the greatest token that was let in until now.
func (r *room) last() kv.Version {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.newest
}

// raise tells of a limit that is about to be set.
func (r *room) raise(limit int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.limit = max(r.limit, limit)
}

// strike tells that the entry with the token was deleted while it waited.
func (r *room) strike(token kv.Version) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.struck[token] = true
}

// enter checks, at the moment of a grant, what a semaphore promises: with all permits that are valid by their holders' own clocks no more
// is in use than the limit, the token is greater than any that was let in before this one was asked for, and nobody is let in whose entry
// was deleted.
func (r *room) enter(p *semaphore.Permit, before kv.Version) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.in = append(slices.DeleteFunc(r.in, func(p *semaphore.Permit) bool { return p.Err() != nil }), p)
	used := int64(0)
	for _, p := range r.in {
		used += p.Weight()
	}
	r.grants++
	r.newest = max(r.newest, p.Token())
	switch {
	case p.Err() != nil:
		return nil // over before it could be counted
	case r.struck[p.Token()]:
		return fmt.Errorf("token %d was let in, whose entry was deleted before", p.Token())
	case used > r.limit:
		return fmt.Errorf("with token %d %d of %d are in use", p.Token(), used, r.limit)
	case p.Token() <= before:
		return fmt.Errorf("token %d was asked for after %d was let in", p.Token(), before)
	}
	return nil
}

// TestNeverMoreThanTheLimit runs processes whose ways to the store fail in every manner, that are cut off and come back, whose leases are
// revoked and whose entries are deleted, who give up waiting, and, every other run, who change the limit, all at random. A failure prints its
// seed; -seed replays it.
func TestNeverMoreThanTheLimit(t *testing.T) {
	for _, c := range []struct {
		name string
		wrap func(kv.Storage) kv.Storage
	}{{"with capabilities", same}, {"without", kvtest.Hide}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			runs, grants := seeded.Runs(t, 100, func(t *testing.T, seed uint64) int { return simulate(t, seed, c.wrap) })
			t.Logf("%d grants in %d runs", grants, runs)
			require.Greater(t, grants, runs*10, "too few grants to prove anything")
		})
	}
}

// faults are those of each process's way to the store.
var faults = fault.Faults{
	Refused: 0.04, RequestLost: 0.04, AnswerLost: 0.04, Late: 0.04, LateAtMost: 3 * time.Second, DelayAtMost: 3 * time.Millisecond,
}

const simulated = "s" // the semaphore's name

// run is one simulation.
type run struct {
	t       *testing.T
	store   *memory.Storage
	room    *room
	limit   int64 // the first one, and the last
	changes bool  // the limit is changed meanwhile
}

// process is one of a simulation.
type process struct {
	handle *memory.Storage
	way    *fault.Storage
	ss     *session.Session
	s      *semaphore.Semaphore
}

func simulate(t *testing.T, n uint64, wrap func(kv.Storage) kv.Storage) int {
	limit := int64(1 + n%5)
	r := &run{t, memory.New(nil), &room{limit: limit, struck: map[kv.Version]bool{}}, limit, n%2 == 0}
	defer r.store.Close()
	var processes []*process
	for i := range uint64(3) {
		handle := r.store.Connect()
		way := fault.New(wrap(handle), n*10+i, faults)
		ss := session.New(way, &session.Options{TTL: 3 * time.Second})
		s := semaphore.New(ss, simulated, limit, &semaphore.Options{Follow: r.changes})
		processes = append(processes, &process{handle, way, ss, s})
	}
	r.work(10*time.Second, processes, n, r.disturb)

	// Everything heals. Then nothing may be left, also while the sessions and their leases live on: no create that landed after
	// its attempt had gone.
	for _, p := range processes {
		p.handle.SetConnected(true)
		p.way.Heal()
	}
	time.Sleep(time.Minute) // of the bubble; what clears away in the background comes back every 30 s at least
	info, err := semaphore.Inspect(t.Context(), r.store, simulated)
	assert.NoError(t, err)
	assert.Empty(t, append(info.Holders, info.Queue...), "left behind by seed %d", n)

	// And all go by one limit.
	assert.NoError(t, processes[0].s.SetLimit(t.Context(), limit))
	r.room.limit, r.changes = limit, false
	before := r.room.grants
	r.work(2*time.Second, processes, n+1, nil)
	assert.Greater(t, r.room.grants, before, "in the quiet after seed %d", n)

	for _, p := range processes {
		assert.NoError(t, p.ss.Close(t.Context()), "Close")
		p.way.Wait()
		assert.NoError(t, p.way.Close())
	}
	start, end := kv.PrefixRange("coord/")
	left, err := r.store.GetRange(t.Context(), start, end)
	assert.NoError(t, err)
	if assert.Len(t, left, 1, "left behind by seed %d", n) {
		assert.Equal(t, kv.Key("coord/semaphore/s/limit"), left[0].Key)
	}
	return r.room.grants
}

// work has the processes contend for so long, while each of them is disturbed.
func (r *run) work(long time.Duration, processes []*process, n uint64, disturb func(context.Context, *process, *rand.Rand)) {
	ctx, cancel := context.WithTimeout(r.t.Context(), long)
	defer cancel()
	var work sync.WaitGroup
	for i, p := range processes {
		for w := range 2 {
			dice := rand.New(rand.NewPCG(n, uint64(i*10+w)))
			work.Go(func() { r.contend(ctx, p.s, dice) })
		}
		if disturb != nil {
			dice := rand.New(rand.NewPCG(n, uint64(1000+i)))
			work.Go(func() { disturb(ctx, p, dice) })
		}
	}
	work.Wait()
}

// contend takes, works and gives back, or gives up, until ctx ends; and now and then changes the limit.
func (r *run) contend(ctx context.Context, s *semaphore.Semaphore, dice *rand.Rand) {
	for ctx.Err() == nil {
		if r.changes && dice.IntN(8) == 0 {
			r.setLimit(ctx, s, 1+dice.Int64N(6))
		}
		wait, cancel := context.WithTimeout(ctx, time.Duration(1+dice.IntN(4000))*time.Millisecond)
		take := s.Acquire
		if dice.IntN(4) == 0 {
			take = s.TryAcquire
		}
		before := r.room.last()
		p, err := take(wait, 1+dice.Int64N(r.limit))
		if err != nil {
			r.mayFail(wait, err)
			cancel()
			pause(ctx, time.Duration(dice.IntN(400))*time.Millisecond)
			continue
		}
		cancel()
		if err := r.room.enter(p, before); err != nil {
			r.t.Error(err)
			return
		}
		select {
		case <-time.After(time.Duration(dice.IntN(1000)) * time.Millisecond):
		case <-p.Done():
		case <-ctx.Done():
		}
		if err := p.Release(ctx); err != nil && !errors.Is(err, semaphore.ErrLost) && !errors.Is(err, kv.ErrUncertain) {
			r.t.Errorf("Release: %v", err)
		}
	}
}

func (r *run) setLimit(ctx context.Context, s *semaphore.Semaphore, limit int64) {
	r.room.raise(limit)
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	err := s.SetLimit(ctx, limit)
	if err != nil && ctx.Err() == nil && !errors.Is(err, kv.ErrUnavailable) {
		r.t.Errorf("SetLimit: %v", err)
	}
}

// mayFail checks that an error is one of those that Acquire is documented to return here.
func (r *run) mayFail(ctx context.Context, err error) {
	var limit *semaphore.LimitError
	for _, may := range []error{ctx.Err(), semaphore.ErrFull, semaphore.ErrLost, kv.ErrUnavailable, kv.ErrUncertain} {
		if may != nil && errors.Is(err, may) {
			return
		}
	}
	if !errors.As(err, &limit) || !r.changes || limit.Weight == 0 {
		r.t.Errorf("Acquire: %v", err)
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// disturb cuts the process off, revokes its lease, and deletes who waits, now and then, until ctx ends.
func (r *run) disturb(ctx context.Context, p *process, dice *rand.Rand) {
	for ctx.Err() == nil {
		pause(ctx, time.Duration(dice.IntN(3000))*time.Millisecond)
		switch dice.IntN(12) {
		case 0, 1, 2:
			p.handle.SetConnected(false)
			pause(ctx, time.Duration(dice.IntN(5000))*time.Millisecond)
			p.handle.SetConnected(true)
		case 3:
			if l, err := r.store.Lessor().GetLease(p.ss.LeaseID()); err == nil {
				_ = l.Release()
			}
		case 4, 5, 6, 7:
			r.strike(ctx)
		}
	}
}

// strike deletes the entry of the first who waits. It waited when it was deleted if all who were before it are there afterwards, and
// the limit as it was.
func (r *run) strike(ctx context.Context) {
	before, err := semaphore.Inspect(ctx, r.store, simulated)
	if err != nil || len(before.Queue) == 0 {
		return
	}
	_ = r.store.Delete(ctx, before.Queue[0].Key)
	after, err := semaphore.Inspect(ctx, r.store, simulated)
	if err == nil && after.Limit == before.Limit && slices.EqualFunc(before.Holders, after.Holders, sameToken) {
		r.room.strike(before.Queue[0].Token)
	}
}

func sameToken(a, b semaphore.Entry) bool { return a.Token == b.Token }
