package registry

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/primitives/registry"
)

// stepper is a way to the store on which something is done to the nth call, counted from its arming.
type stepper struct {
	mu   sync.Mutex
	left int // calls until then; negative: not armed
	hit  func(ctx context.Context, do func(context.Context) error) error
}

func (s *stepper) arm(n int, hit func(ctx context.Context, do func(context.Context) error) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left, s.hit = n, hit
}

// done reports whether it has hit.
func (s *stepper) done() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left < 0
}

func (s *stepper) pass(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
	s.mu.Lock()
	hit := s.left == 0 && c.Op != intercept.OpWait
	if c.Op != intercept.OpWait {
		s.left--
	}
	f := s.hit
	s.mu.Unlock()
	if hit {
		return f(ctx, do)
	}
	return do(ctx)
}

// ways are the manners in which the call fails at which it happens.
var ways = []struct {
	name string
	take func(ctx context.Context, then func(), do func(context.Context) error) error
}{
	{"before it is sent", func(ctx context.Context, then func(), do func(context.Context) error) error {
		then()
		return do(ctx)
	}},
	{"after its answer", func(ctx context.Context, then func(), do func(context.Context) error) error {
		err := do(ctx)
		then()
		return err
	}},
	{"and the answer is lost", func(ctx context.Context, then func(), do func(context.Context) error) error {
		_ = do(ctx)
		then()
		return kv.ErrUncertain
	}},
	{"and it lands late", func(ctx context.Context, then func(), do func(context.Context) error) error {
		go func() {
			time.Sleep(time.Second)
			_ = do(context.WithoutCancel(ctx))
		}()
		then()
		return kv.ErrUncertain
	}},
	{"and it hangs", func(ctx context.Context, then func(), do func(context.Context) error) error {
		then()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Second): // what has no ctx bounds itself
			return kv.ErrUncertain
		}
	}},
}

// Whatever step of a join the end comes at, of Register's ctx or of the registry, nothing of the instance is there afterwards.
func TestRegisterGivenUpAtAnyStepLeavesNothing(t *testing.T) {
	for _, way := range ways {
		for step := range 4 {
			for _, closes := range []bool{false, true} {
				if way.name == "and it hangs" && step == 0 && closes {
					continue // the same as the next
				}
				t.Run(fmt.Sprintf("step %d %s, closed %v", step, way.name, closes), func(t *testing.T) {
					inBubble(t, func(t *testing.T, store, _ *memory.Storage) { giveUpAt(t, store, step, way.take, closes) })
				})
			}
		}
	}
}

func giveUpAt(t *testing.T, store *memory.Storage, step int,
	take func(context.Context, func(), func(context.Context) error) error, closes bool) {
	s := &stepper{left: -1}
	r := on(t, intercept.Wrap(store, s.pass), nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	closed := make(chan error, 1)
	s.arm(step, func(ctx context.Context, do func(context.Context) error) error {
		return take(ctx, func() {
			if closes {
				go func() { closed <- r.Close(context.Background()) }()
			} else {
				cancel()
			}
			synctest.Wait() // what it leads to has come about
		}, do)
	})
	start := time.Now()
	g, err := r.Register(ctx, instance(t, "a"))
	switch {
	case err == nil:
		require.True(t, closes, "it joined all the same")
		require.Equal(t, 3, step)
		require.NoError(t, g.Close(t.Context()))
	case closes:
		require.ErrorIs(t, err, kv.ErrClosed)
	default:
		require.ErrorIs(t, err, context.Canceled)
	}
	require.Less(t, time.Since(start), time.Second)
	if closes {
		require.NoError(t, <-closed)
	}
	require.True(t, s.done())
	time.Sleep(1100 * time.Millisecond) // what lands late has
	requireNobody(t, store)
	time.Sleep(ttl + 2*time.Second)
	require.Empty(t, records(t, store), "a phantom")
	time.Sleep(time.Hour)
	require.Empty(t, records(t, store), "a phantom")
}

// Whatever step of a return the farewell comes at, the instance is gone, or said so, from then on, and stays away.
func TestCloseAtAnyStepOfAReturnLeavesNothing(t *testing.T) {
	for _, way := range ways {
		for step := range 6 { // look, grant, release, create, read and write the epoch
			t.Run(fmt.Sprintf("step %d %s", step, way.name), func(t *testing.T) {
				inBubble(t, func(t *testing.T, store, _ *memory.Storage) {
					s := &stepper{left: -1}
					g := register(t, on(t, intercept.Wrap(store, s.pass), nil), instance(t, "a"))
					closed := make(chan error, 1)
					s.arm(step, func(ctx context.Context, do func(context.Context) error) error {
						return way.take(ctx, func() {
							go func() { closed <- g.Close(context.Background()) }()
							synctest.Wait()
						}, do)
					})
					lease, err := store.Lessor().GetLease(records(t, store)["a"].Lease)
					require.NoError(t, err)
					require.NoError(t, lease.Release())
					require.NoError(t, <-closed)
					requireNobody(t, store)
					time.Sleep(1100 * time.Millisecond) // what lands late has
					requireNobody(t, store)
					time.Sleep(ttl)
					require.Empty(t, records(t, store))
				})
			})
		}
	}
}

// requireNobody fails if readers would find an instance.
func requireNobody(t *testing.T, store kv.Storage) {
	t.Helper()
	for id, got := range records(t, store) {
		require.Equal(t, "left", got.Status, "a phantom: %s", id)
	}
}

// Whichever write's answer is lost, or is late, or never was, the store comes to have what is wanted, once and under a lease.
func TestLostAnswersAreFoundOut(t *testing.T) {
	outcomes := append(ways[2:4:4], struct {
		name string
		take func(ctx context.Context, then func(), do func(context.Context) error) error
	}{"and the request is lost", func(context.Context, func(), func(context.Context) error) error { return kv.ErrUncertain }})
	for _, way := range outcomes {
		for step := range 4 {
			t.Run(fmt.Sprintf("step %d %s", step, way.name), func(t *testing.T) {
				inBubble(t, func(t *testing.T, store, _ *memory.Storage) { loseAt(t, store, step, way.take) })
			})
		}
	}
}

func loseAt(t *testing.T, store *memory.Storage, step int, take func(context.Context, func(), func(context.Context) error) error) {
	s := &stepper{left: -1}
	lose := func(ctx context.Context, do func(context.Context) error) error { return take(ctx, func() {}, do) }
	s.arm(step, lose)
	g := register(t, on(t, intercept.Wrap(store, s.pass), nil), instance(t, "a"))
	require.True(t, s.done())
	for n := range 3 { // of an update: the write, and the epoch's read and write
		s.arm(n, lose)
		require.NoError(t, g.Update(t.Context(), func(i *registry.Instance) { i.Weight = n + 1 }))
		require.Equal(t, n+1, records(t, store)["a"].Weight)
		require.Greater(t, epochOf(t, store), records(t, store)["a"].Record.Version, "readers are told")
		require.True(t, s.done())
	}
	time.Sleep(2 * time.Second) // what lands late has
	require.Equal(t, 3, records(t, store)["a"].Weight)
	require.Equal(t, registry.Registered, g.State().Phase)
	require.Equal(t, g.Instance().Lease, records(t, store)["a"].Lease)
	require.NotZero(t, g.Instance().Lease)
	s.arm(0, lose)
	require.NoError(t, g.Close(t.Context()))
	require.Equal(t, "left", records(t, store)["a"].Status)
	time.Sleep(ttl + 2*time.Second)
	require.Empty(t, records(t, store))
}
