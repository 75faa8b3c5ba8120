package fence_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/fence"
)

const seeds = 60

// dice are a seeded source that goroutines share.
type dice struct {
	mu   sync.Mutex
	rand *rand.Rand
}

func newDice(seed uint64) *dice { return &dice{rand: rand.New(rand.NewPCG(seed, 7))} }

func (d *dice) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rand.IntN(n)
}

// pause takes up to 10 ms, and once in 10 times up to 3 s: a process that is stopped and comes back late.
func (d *dice) pause() {
	length := time.Duration(d.n(10_000)) * time.Microsecond
	if d.n(10) == 0 {
		length *= 300
	}
	time.Sleep(length)
}

// shaky is a way to the store on which, as often as not, a write is refused, or is lost, or its answer is, or it lands up to 3
// s late.
func shaky(st kv.Storage, d *dice, late *sync.WaitGroup) kv.Storage {
	return &way{Storage: st, onWrite: func(_ int, do func() (kv.Version, error)) (kv.Version, error) {
		d.pause()
		switch d.n(8) {
		case 0:
			return 0, errUnavailable
		case 1:
			return 0, errUncertain
		case 2:
			_, _ = do()
			return 0, errUncertain
		case 3:
			late.Go(func() {
				d.pause()
				_, _ = do()
			})
			return 0, errUncertain
		}
		return do()
	}, onGet: func() error {
		if d.n(8) == 0 {
			return errUnavailable
		}
		return nil
	}}
}

// call is one call of Update, which adds its name to the value.
type call struct {
	name  string
	token kv.Version
	v     kv.Version
	err   error
}

// runHolders has three holders call Update, each from two goroutines and under its token, which overlap as they do when one is
// paused and comes back late. It returns what the calls came to.
func runHolders(t *testing.T, st kv.Storage, d *dice) []call {
	var mu sync.Mutex
	var calls []call
	var holders, late sync.WaitGroup
	for token := kv.Version(1); token <= 3; token++ {
		w := shaky(st, d, &late)
		for worker := range 2 {
			holders.Go(func() {
				time.Sleep(time.Duration(token) * 100 * time.Millisecond)
				for i := range 6 {
					c := call{name: fmt.Sprintf("%d:%d.%d", token, worker, i), token: token}
					c.v, c.err = fence.Update(t.Context(), w, key, token, func(old kv.Value) (kv.Value, error) {
						d.pause()
						return append(old, c.name+" "...), nil
					})
					mu.Lock()
					calls = append(calls, c)
					mu.Unlock()
				}
			})
		}
	}
	holders.Wait()
	late.Wait()
	return calls
}

func TestUpdatesInRandomInterleavings(t *testing.T) {
	outcomes := map[string]int{}
	for seed := range uint64(seeds) {
		inBubble(t, func(t *testing.T, st *memory.Storage) {
			calls := runHolders(t, st, newDice(seed))
			value, _, err := fence.Read(t.Context(), st, key)
			require.NoError(t, err, "seed %d", seed)
			log := strings.Fields(string(value))
			seen := map[string]int{}
			at := map[string]int{} // the place of each name
			var last kv.Version
			for i, name := range log {
				seen[name]++
				at[name] = i
				token := kv.Version(name[0] - '0')
				require.GreaterOrEqual(t, token, last, "seed %d: a late write took effect: %s", seed, log)
				last = token
			}
			order := map[int]kv.Version{}
			for _, c := range calls {
				n, kind := seen[c.name], "done"
				switch {
				case c.err == nil:
					require.Equal(t, 1, n, "seed %d: %s was done, and took effect", seed, c.name)
					order[at[c.name]] = c.v
				case errors.Is(c.err, kv.ErrUncertain):
					kind = "uncertain"
					require.LessOrEqual(t, n, 1, "seed %d: %s is uncertain: %v", seed, c.name, c.err)
				default:
					kind = "refused"
					require.Zero(t, n, "seed %d: %s failed and took effect: %v", seed, c.name, c.err)
					if errors.Is(c.err, fence.ErrStale) {
						kind = "stale"
					}
				}
				outcomes[kind]++
			}
			var v kv.Version
			for i := range log {
				if order[i] != 0 {
					require.Greater(t, order[i], v, "seed %d: versions are those of the writes", seed)
					v = order[i]
				}
			}
		})
	}
	t.Logf("%d seeds: %v", seeds, outcomes)
	for _, kind := range []string{"done", "stale", "refused"} {
		require.Greater(t, outcomes[kind], seeds/2, "the seeds must reach: %s", kind)
	}
}

// room is what the gate guards. It has a lock for its own data and notices whether two holders are in it.
type room struct {
	mu     sync.Mutex
	inside map[kv.Version]int
	log    []kv.Version
	wrong  string
}

func (r *room) enter(token kv.Version) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for other := range r.inside {
		if other != token {
			r.wrong = fmt.Sprintf("%d and %d at the same time", other, token)
		}
	}
	if n := len(r.log); n > 0 && r.log[n-1] > token {
		r.wrong = fmt.Sprintf("%d after %d", token, r.log[n-1])
	}
	r.inside[token]++
	r.log = append(r.log, token)
}

func (r *room) leave(token kv.Version) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inside[token]--; r.inside[token] == 0 {
		delete(r.inside, token)
	}
}

func TestDoInRandomInterleavings(t *testing.T) {
	outcomes := map[string]int{}
	for seed := range uint64(seeds) {
		inBubble(t, func(t *testing.T, _ *memory.Storage) {
			d, r := newDice(seed), &room{inside: map[kv.Version]int{}}
			var g fence.Gate
			var mu sync.Mutex // of outcomes
			var holders sync.WaitGroup
			visit := func(token kv.Version) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+d.n(3000))*time.Millisecond)
				defer cancel()
				err := g.Do(ctx, token, func(ctx context.Context) error {
					r.enter(token)
					defer r.leave(token)
					d.pause() // some notice that they shall make way, some are paused
					return context.Cause(ctx)
				})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					outcomes["done"]++
				case errors.Is(err, fence.ErrStale):
					outcomes["stale"]++
				default:
					outcomes["timed out"]++
				}
			}
			for token := kv.Version(1); token <= 4; token++ {
				for range 3 {
					holders.Go(func() {
						time.Sleep(time.Duration(token) * 30 * time.Millisecond)
						for range 6 {
							visit(token)
							d.pause()
						}
					})
				}
			}
			holders.Wait()
			require.Empty(t, r.wrong, "seed %d: %v", seed, r.log)
			require.Equal(t, kv.Version(4), g.Highest())
		})
	}
	t.Logf("%d seeds: %v", seeds, outcomes)
	for _, kind := range []string{"done", "stale", "timed out"} {
		require.Greater(t, outcomes[kind], 0, "the seeds must reach: %s", kind)
	}
}
