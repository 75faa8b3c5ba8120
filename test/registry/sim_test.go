package registry

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/fault"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/test/internal/seeded"
)

const (
	simulated = "s" // the service's name
	simTTL    = 5 * time.Second
	contested = "shared" // the ID that one of each process wants
)

// faults are those of each process's way to the store.
var faults = fault.Faults{
	Refused: 0.05, RequestLost: 0.05, AnswerLost: 0.05, Late: 0.05, LateAtMost: 3 * time.Second, DelayAtMost: 3 * time.Millisecond,
}

// TestEverybodyWhoLivesIsRegistered runs processes whose ways to the store fail in every manner, that are cut off and come back,
// whose leases are revoked and whose records are deleted and edited by hand, while their instances come, change and go. A failure
// prints its seed; -seed replays it.
func TestEverybodyWhoLivesIsRegistered(t *testing.T) {
	for _, c := range []struct {
		name string
		wrap func(kv.Storage) kv.Storage
	}{{"with capabilities", same}, {"without", hide}} {
		t.Run(c.name, func(t *testing.T) {
			runs, lives := seeded.Runs(t, 12, func(t *testing.T, seed uint64) int { return simulate(t, seed, c.wrap) })
			t.Logf("%d registrations in %d runs", lives, runs)
			require.Greater(t, lives, runs*10, "too few to prove anything")
		})
	}
}

// witness knows what every life of an instance was told to be in the store. A life is named in its instance's version.
type witness struct {
	mu      sync.Mutex
	written map[string]int  // the weight that an Update has returned nil for: it only grows
	closed  map[string]bool // whose Close has returned nil
	lives   int
}

func (w *witness) wrote(life string, weight int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.written[life] = weight
	if weight == 1 {
		w.lives++
	}
}

func (w *witness) left(life string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed[life] = true
}

// watch reads the store until ctx ends, and checks each time that no record is older than what was confirmed before the read,
// that nobody is back who has left, and that each is under a lease.
func (w *witness) watch(ctx context.Context, t *testing.T, store kv.Storage) {
	for ; ctx.Err() == nil; pause(ctx, 50*time.Millisecond) {
		w.mu.Lock()
		written, closed := clone(w.written), clone(w.closed)
		w.mu.Unlock()
		for id, got := range recordsOf(t, store, simulated) {
			switch {
			case got.Lease == kv.NoLeaseId:
				t.Errorf("%s has no lease", id)
			case got.Status == "left":
			case closed[got.Version]:
				t.Errorf("%s is back after it has left", got.Version)
			case got.Weight < written[got.Version] && got.Weight != edited:
				t.Errorf("%s has the weight %d after %d was written", got.Version, got.Weight, written[got.Version])
			}
		}
	}
}

func clone[V any](m map[string]V) map[string]V {
	c := make(map[string]V, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

// actor is a place in a process where one instance after the other lives.
type actor struct {
	id  string
	r   *registry.Registry
	now *registry.Registration // at the end, if there is one
}

func simulate(t *testing.T, n uint64, wrap func(kv.Storage) kv.Storage) int {
	store := memory.New(nil)
	defer store.Close()
	w := &witness{written: map[string]int{}, closed: map[string]bool{}}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	watching, stopWatching := context.WithCancel(t.Context())
	defer stopWatching()

	var work, watch sync.WaitGroup
	watch.Go(func() { w.watch(watching, t, store) })
	var ways []*fault.Storage
	var handles []*memory.Storage
	var actors []*actor
	var registries []*registry.Registry
	for p := range uint64(3) {
		handle := store.Connect()
		way := fault.New(wrap(handle), n*10+p, faults)
		r := registry.New(way, &registry.Options{TTL: simTTL, OnDuplicate: registry.DuplicatePolicy(n % 2)}) // Fail or WaitExpiry
		handles, ways, registries = append(handles, handle), append(ways, way), append(registries, r)
		for a := range uint64(3) {
			a := a
			who := &actor{id: fmt.Sprintf("%d-%d", p, a), r: r}
			if a == 2 {
				who.id = contested
			}
			actors = append(actors, who)
			dice := rand.New(rand.NewPCG(n, p*10+a))
			work.Go(func() { who.live(ctx, t, w, fmt.Sprintf("%d-%d", p, a), dice) })
		}
		dice := rand.New(rand.NewPCG(n, 1000+p))
		work.Go(func() { disturb(ctx, handle, dice) })
	}
	dice := rand.New(rand.NewPCG(n, 2000))
	work.Go(func() { meddle(ctx, t, store, dice) })
	work.Wait()
	for i := range ways {
		handles[i].SetConnected(true)
		ways[i].Heal()
	}
	time.Sleep(30 * time.Second) // of the bubble
	afterwards(t, store, actors)

	for _, r := range registries {
		assert.NoError(t, r.Close(t.Context()), "Close")
	}
	for id, got := range recordsOf(t, store, simulated) {
		assert.Equal(t, "left", got.Status, id)
	}
	time.Sleep(simTTL + time.Second)
	assert.Empty(t, recordsOf(t, store, simulated), "left behind")
	stopWatching()
	watch.Wait()
	for _, way := range ways {
		way.Wait()
		assert.NoError(t, way.Close())
	}
	return w.lives
}

// afterwards checks what must hold when everything has healed: whoever lives is in the store with its latest data and under a
// lease that lives, and nobody else is.
func afterwards(t *testing.T, store kv.Storage, actors []*actor) {
	there := recordsOf(t, store, simulated)
	alive, owners := 0, 0
	for _, a := range actors {
		if a.now == nil {
			continue
		}
		state, i := a.now.State(), a.now.Instance()
		got, found := there[a.id]
		if a.id == contested && state.Phase == registry.Lost {
			assert.ErrorIs(t, state.Err, registry.ErrDuplicate, "%s", i.Version)
			assert.True(t, found)
			continue
		}
		if a.id == contested {
			owners++
		}
		alive++
		assert.Equal(t, registry.Registered, state.Phase, "%s: %v", i.Version, state.Err)
		assert.Equal(t, i.Version, got.Version, "%s", a.id)
		assert.Equal(t, i.Weight, got.Weight, "%s", i.Version)
		assert.Equal(t, i.Revision, got.Record.Version, "%s", i.Version)
		if assert.Equal(t, i.Ordered, got.Ordered == "draining", "%s", i.Version); !i.Ordered {
			assert.Equal(t, string(i.Status), got.Status, "%s", i.Version)
		}
		_, err := store.Lessor().GetLease(got.Lease)
		assert.NoError(t, err, "%s", i.Version)
	}
	assert.LessOrEqual(t, owners, 1, "two have one ID")
	assert.Len(t, there, alive, "somebody is there who does not live")
}

// live registers one instance after the other, changes and closes it, until ctx ends.
func (a *actor) live(ctx context.Context, t *testing.T, w *witness, name string, dice *rand.Rand) {
	for n := 0; ctx.Err() == nil; n++ {
		life := fmt.Sprintf("%s#%d", name, n)
		bound, cancel := context.WithTimeout(ctx, time.Duration(1+dice.IntN(8000))*time.Millisecond)
		g, err := a.r.Register(bound, registry.Instance{Service: simulated, ID: a.id, Version: life, Weight: 1})
		if err != nil && !errors.Is(err, registry.ErrDuplicate) && (bound.Err() == nil || !errors.Is(err, bound.Err())) {
			t.Errorf("Register: %v", err)
		}
		cancel()
		if err != nil {
			pause(ctx, time.Duration(dice.IntN(1000))*time.Millisecond)
			continue
		}
		w.wrote(life, 1)
		a.change(ctx, t, w, g, life, dice)
		if ctx.Err() != nil && dice.IntN(2) == 0 {
			a.now = g
			return
		}
		bound, cancel = context.WithTimeout(context.Background(), time.Duration(dice.IntN(4000))*time.Millisecond)
		err = g.Close(bound)
		cancel()
		switch {
		case err == nil:
			w.left(life)
		case !errors.Is(err, kv.ErrUncertain):
			t.Errorf("Close: %v", err)
		}
	}
}

// change changes the instance for a while.
func (a *actor) change(ctx context.Context, t *testing.T, w *witness, g *registry.Registration, life string, dice *rand.Rand) {
	for weight := 2; weight < 2+dice.IntN(12); weight++ {
		pause(ctx, time.Duration(dice.IntN(2000))*time.Millisecond)
		if ctx.Err() != nil {
			return
		}
		bound, cancel := context.WithTimeout(ctx, time.Duration(dice.IntN(5000))*time.Millisecond)
		err := g.Update(bound, func(i *registry.Instance) {
			i.Weight = weight
			i.Status = []registry.Status{registry.Starting, registry.Serving, registry.NotServing, registry.Draining}[dice.IntN(4)]
		})
		switch {
		case err == nil:
			w.wrote(life, weight)
		case bound.Err() == nil || !errors.Is(err, bound.Err()):
			t.Errorf("Update: %v", err)
		}
		cancel()
	}
}

// disturb cuts a process off, now and then, until ctx ends.
func disturb(ctx context.Context, handle *memory.Storage, dice *rand.Rand) {
	for ctx.Err() == nil {
		pause(ctx, time.Duration(dice.IntN(10000))*time.Millisecond)
		handle.SetConnected(false)
		pause(ctx, time.Duration(dice.IntN(9000))*time.Millisecond)
		handle.SetConnected(true)
	}
}

// edited is the weight that a hand writes.
const edited = 777

// meddle deletes, edits, damages and drains records, and revokes their leases, until ctx ends.
func meddle(ctx context.Context, t *testing.T, store kv.Storage, dice *rand.Rand) {
	r := registry.New(store, nil)
	for ; ctx.Err() == nil; pause(ctx, time.Duration(dice.IntN(1000))*time.Millisecond) {
		start, end := kv.PrefixRange(prefixOf(simulated))
		all, err := store.GetRange(ctx, start, end)
		if err != nil || len(all) == 0 {
			continue
		}
		victim := all[dice.IntN(len(all))]
		id := strings.TrimPrefix(string(victim.Key), string(prefixOf(simulated)))
		switch dice.IntN(6) {
		case 0:
			_ = store.Delete(ctx, victim.Key)
		case 1:
			if l, err := store.Lessor().GetLease(victim.Lease); err == nil {
				_ = l.Release()
			}
		case 2:
			other := fmt.Sprintf(`"x-unknown":"kept","weight":%d,"x-old":`, edited)
			victim.Value = kv.Value(strings.Replace(string(victim.Value), `"weight":`, other, 1))
			_, _ = store.CasByVersion(ctx, victim)
		case 3:
			for _, r := range all { // a wipe
				_ = store.Delete(ctx, r.Key)
			}
			_ = store.Delete(ctx, epochKey(simulated))
		case 4:
			_ = r.Drain(ctx, simulated, id)
		case 5:
			_ = r.Undrain(ctx, simulated, id)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
