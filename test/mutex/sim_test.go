package mutex

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

var (
	seeds = flag.Int("seeds", 60, "how many random runs each simulation makes")
	seed  = flag.Uint64("seed", 0, "replay this run only")
)

// ring is the resource: it knows who was let in last.
type ring struct {
	mu     sync.Mutex
	last   *mutex.Held
	grants int
}

// enter checks, at the moment of a grant, what a lock promises: whoever was let in before knows by now that its hold is over, and
// tokens grow.
func (r *ring) enter(h *mutex.Held) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last != nil {
		if r.last.Err() == nil {
			return fmt.Errorf("token %d was granted while token %d is still held, valid for %v", h.Token(), r.last.Token(), r.last.ValidFor())
		}
		if h.Token() <= r.last.Token() {
			return fmt.Errorf("token %d follows %d", h.Token(), r.last.Token())
		}
	}
	r.last, r.grants = h, r.grants+1
	return nil
}

// TestNeverTwoHolders runs processes whose ways to the store fail in every manner, that are cut off and come back, whose leases are
// revoked, and who give up waiting, all at random. A failure prints its seed; -seed replays it.
func TestNeverTwoHolders(t *testing.T) {
	for _, c := range []struct {
		name string
		wrap func(kv.Storage) kv.Storage
	}{
		{"with capabilities", func(s kv.Storage) kv.Storage { return s }},
		{"without", func(s kv.Storage) kv.Storage { return kvtest.Hide(s) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			grants := 0
			first, last := uint64(1), uint64(*seeds)
			if *seed != 0 {
				first, last = *seed, *seed
			}
			for n := first; n <= last; n++ {
				synctest.Test(t, func(t *testing.T) { grants += simulate(t, n, c.wrap) })
				if t.Failed() {
					t.Fatalf("replay with -seed %d", n)
				}
			}
			require.Greater(t, grants, int(last-first+1)*10, "too few grants to prove anything")
		})
	}
}

func simulate(t *testing.T, n uint64, wrap func(kv.Storage) kv.Storage) int {
	store := memory.New(nil)
	defer store.Close()
	r := &ring{}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	var work sync.WaitGroup
	var ways []*faulty
	var handles []*memory.Storage
	var sessions []*session.Session
	for p := range uint64(3) {
		handle := store.Connect()
		way := newFaulty(wrap(handle), n*10+p, 0.15)
		s := session.New(way, &session.Options{TTL: 5 * time.Second})
		handles, ways, sessions = append(handles, handle), append(ways, way), append(sessions, s)
		for w := range uint64(2) {
			dice := rand.New(rand.NewPCG(n, p*10+w))
			work.Go(func() { contend(ctx, t, r, s, dice) })
		}
		dice := rand.New(rand.NewPCG(n, 1000+p))
		work.Go(func() { disturb(ctx, store, handle, s, dice) })
	}
	work.Wait()

	// Everything heals. Then nothing may be left, also while the sessions and their leases live on: no create that landed after
	// its attempt had gone.
	for i := range handles {
		handles[i].SetConnected(true)
		ways[i].heal()
	}
	time.Sleep(time.Minute) // of the bubble; what clears away in the background comes back every 30 s at least
	info, err := mutex.Inspect(t.Context(), store, "m")
	require.NoError(t, err)
	require.Empty(t, append(info.Holders, info.Queue...), "left behind by seed %d", n)
	for _, s := range sessions {
		require.NoError(t, s.Close(t.Context()), "Close")
	}
	time.Sleep(lateAtMost)
	for _, h := range handles {
		require.NoError(t, h.Close())
	}
	return r.grants
}

// contend locks, works and unlocks, or gives up, until ctx ends.
func contend(ctx context.Context, t *testing.T, r *ring, s *session.Session, dice *rand.Rand) {
	m := mutex.New(s, "m", nil)
	for ctx.Err() == nil {
		wait, cancel := context.WithTimeout(ctx, time.Duration(1+dice.IntN(8000))*time.Millisecond)
		lock := m.Lock
		if dice.IntN(4) == 0 {
			lock = m.TryLock
		}
		h, err := lock(wait)
		cancel()
		if err != nil {
			pause(ctx, time.Duration(dice.IntN(100))*time.Millisecond)
			continue
		}
		if err := r.enter(h); err != nil && h.Err() == nil {
			t.Error(err)
			return
		}
		select {
		case <-time.After(time.Duration(dice.IntN(1500)) * time.Millisecond):
		case <-h.Done():
		case <-ctx.Done():
		}
		if err := h.Unlock(ctx); err != nil && !errors.Is(err, mutex.ErrLost) && !errors.Is(err, kv.ErrUncertain) {
			t.Errorf("Unlock: %v", err)
		}
	}
}

// disturb cuts the process off and revokes its lease, now and then, until ctx ends.
func disturb(ctx context.Context, store kv.Storage, handle *memory.Storage, s *session.Session, dice *rand.Rand) {
	for ctx.Err() == nil {
		pause(ctx, time.Duration(dice.IntN(10000))*time.Millisecond)
		switch dice.IntN(3) {
		case 0:
			handle.SetConnected(false)
			pause(ctx, time.Duration(dice.IntN(9000))*time.Millisecond)
			handle.SetConnected(true)
		case 1:
			if dice.IntN(4) > 0 {
				continue // a revoke defeats the promise for a moment: rare, as in life
			}
			if l, err := store.Lessor().GetLease(s.LeaseID()); err == nil {
				_ = l.Release()
			}
		}
	}
}
