package pick_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/pick"
)

func TestOnlyServingInstancesArePicked(t *testing.T) {
	s := snapshot(instance("a", status(registry.Draining)), instance("b"), instance("c", status(registry.Starting)), instance("d"),
		instance("e", status(registry.NotServing)), instance("f", status("unheard-of")))
	for _, failOpen := range []bool{false, true} {
		t.Run(fmt.Sprintf("FailOpen=%v", failOpen), func(t *testing.T) {
			forAll(t, func(t *testing.T, build func(*pick.Options) pick.Picker) {
				got := count(t, build(&pick.Options{FailOpen: failOpen}), s, 100)
				require.Equal(t, 100, got["b"]+got["d"], "picks of those serving, of %v", got)
			})
		})
	}
}

func TestFiltersLeaveOut(t *testing.T) {
	s := snapshot(instance("a"), instance("b", zone("z")), instance("c"))
	forAll(t, func(t *testing.T, build func(*pick.Options) pick.Picker) {
		got := count(t, build(&pick.Options{Filters: []registry.Filter{registry.InZone("z")}}), s, 50)
		require.Equal(t, map[string]int{"b": 50}, got)
	})
}

func TestFailOpen(t *testing.T) {
	ns, dr, st := status(registry.NotServing), status(registry.Draining), status(registry.Starting)
	for _, c := range []struct {
		name string
		s    *registry.Snapshot
		want string // empty: none
	}{
		{"not serving rather than draining or starting", snapshot(instance("a", dr), instance("b", ns), instance("c", st)), "b"},
		{"draining if there is nothing else", snapshot(instance("a", dr)), "a"},
		{"never draining while another is left", snapshot(instance("a", dr), instance("b", st)), ""},
		{"never starting", snapshot(instance("a", st)), ""},
		{"never an unknown status", snapshot(instance("a", status("unheard-of"))), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			forAll(t, func(t *testing.T, build func(*pick.Options) pick.Picker) {
				_, err := build(nil).Pick(c.s)
				require.ErrorIs(t, err, pick.ErrNone, "without FailOpen")
				picked, err := build(&pick.Options{FailOpen: true}).Pick(c.s)
				if c.want == "" {
					require.ErrorIs(t, err, pick.ErrNone)
					return
				}
				require.NoError(t, err)
				require.Equal(t, c.want, picked.Instance.ID)
			})
		})
	}
}

func TestNoneSaysWhatThereWas(t *testing.T) {
	away := errors.New("store away")
	draining, starting := instance("a", status(registry.Draining)), instance("b", status(registry.Starting))
	never := &registry.Snapshot{Service: "orders", Err: away}
	stale := snapshot(draining)
	stale.Health, stale.Err = registry.Stale, away
	all := snapshot(draining, starting, instance("c", status(registry.NotServing)), instance("d", status("odd")),
		instance("e", zone("z")))
	for _, c := range []struct {
		name string
		s    *registry.Snapshot
		want pick.NoneError
		text string
	}{
		{"never synced", never, pick.NoneError{Service: "orders", Err: away},
			`no instance of "orders" to pick: nothing is known of the service yet: store away`},
		{"nil", nil, pick.NoneError{}, `no instance of "" to pick: nothing is known of the service yet`},
		{"empty", snapshot(), pick.NoneError{Service: "orders", Health: registry.Live},
			`no instance of "orders" to pick: none is registered`},
		{"all draining", stale, pick.NoneError{Service: "orders", Health: registry.Stale, Draining: 1, Err: away},
			`no instance of "orders" to pick: all (1) draining (stale): store away`},
		{"one of each", all,
			pick.NoneError{Service: "orders", Health: registry.Live, Starting: 1, NotServing: 1, Draining: 1, Other: 1, Filtered: 1},
			`no instance of "orders" to pick: 1 starting, 1 not serving, 1 draining, 1 of unknown status, 1 filtered out`},
	} {
		t.Run(c.name, func(t *testing.T) {
			forAll(t, func(t *testing.T, build func(*pick.Options) pick.Picker) {
				picked, err := build(&pick.Options{Filters: []registry.Filter{registry.InZone("")}}).Pick(c.s)
				require.Zero(t, picked)
				require.ErrorIs(t, err, pick.ErrNone)
				var none *pick.NoneError
				require.ErrorAs(t, err, &none)
				require.Equal(t, c.want, *none)
				require.EqualError(t, err, c.text)
				if c.want.Err != nil {
					require.ErrorIs(t, err, away, "the store's error is to be found")
				}
			})
		})
	}
}

func TestNewSnapshotCountsAtOnce(t *testing.T) {
	a, b, c := instance("a"), instance("b"), instance("c")
	before, after := snapshot(a, b), snapshot(b, c)
	forAll(t, func(t *testing.T, build func(*pick.Options) pick.Picker) {
		p := build(nil)
		count(t, p, before, 20)
		require.Zero(t, count(t, p, after, 50)["a"], "picks of the one that left")
		require.Zero(t, count(t, p, before, 50)["c"], "picks of one that is not in the snapshot given")
		_, err := p.Pick(snapshot())
		require.ErrorIs(t, err, pick.ErrNone)
		require.Equal(t, 50, count(t, p, snapshot(c), 50)["c"], "picks after there was none")
	})
}

func TestPickAllocatesNothing(t *testing.T) {
	s := snapshot(append(many(20), instance("j", weight(7)), instance("k", zone("here")))...)
	forAll(t, func(t *testing.T, build func(*pick.Options) pick.Picker) {
		for _, o := range []*pick.Options{nil, seeded(t)} {
			p := build(o)
			require.Zero(t, testing.AllocsPerRun(200, func() {
				picked, err := p.Pick(s)
				if err != nil {
					t.Error(err)
				}
				picked.Done(nil)
			}), "allocations of a pick")
			none := snapshot()
			require.Zero(t, testing.AllocsPerRun(200, func() { _, _ = p.Pick(none) }), "allocations of a pick of none")
		}
	})
}

func TestFiltersAreAskedOncePerSnapshot(t *testing.T) {
	s := snapshot(many(10)...)
	forAll(t, func(t *testing.T, build func(*pick.Options) pick.Picker) {
		asked := 0
		p := build(&pick.Options{Filters: []registry.Filter{func(*registry.Instance) bool { asked++; return true }}})
		count(t, p, s, 30)
		require.Equal(t, 10, asked)
	})
}

func TestOptionsAreCopied(t *testing.T) {
	s := snapshot(instance("a"), instance("b", zone("z")))
	forAll(t, func(t *testing.T, build func(*pick.Options) pick.Picker) {
		o := &pick.Options{Filters: []registry.Filter{registry.InZone("z")}}
		p := build(o)
		o.Filters[0] = registry.InZone("")
		require.Equal(t, "b", take(t, p, s))
	})
}

func TestDoneOfTheZeroPickDoesNothing(t *testing.T) {
	require.NotPanics(t, func() { pick.Pick{}.Done(errors.New("failed")) })
}

// TestConcurrentUse is for the race detector: snapshots change under many who pick, some of whom have an older one.
func TestConcurrentUse(t *testing.T) {
	all := many(12)
	for n, i := range all {
		i.Weight, i.Zone = n+1, []string{"here", "there"}[n%2]
	}
	var snapshots []*registry.Snapshot
	for n := range all {
		snapshots = append(snapshots, snapshot(all[n/2:n+1]...))
	}
	forAll(t, func(t *testing.T, build func(*pick.Options) pick.Picker) {
		p := build(seeded(t))
		var current atomic.Pointer[registry.Snapshot]
		current.Store(snapshots[0])
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for n := range 300 {
					s := current.Load()
					picked, err := p.Pick(s)
					if err != nil || s.Instance(picked.Instance.ID) != picked.Instance {
						t.Errorf("Pick = %v, %v: not of the snapshot given", picked.Instance, err)
						return
					}
					if n%20 == 0 {
						current.Store(snapshots[n/20%len(snapshots)])
					}
					picked.Done(map[bool]error{true: errors.New("failed")}[n%7 == 0])
				}
			})
		}
		wg.Wait()
	})
}
