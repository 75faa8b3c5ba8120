package view

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/registry"
)

// What follows is about instances that go without a farewell.
func TestVanishing(t *testing.T) {
	runViewCases(t, []viewCase{
		{"one of many is shown a moment longer, and then not", oneVanishes},
		{"one that is back within that moment never was away", blip},
		{"one that drains may go without a word", drainingGoes},
		{"more than half, and two at least, are held, marked, and let go in the end", massIsHeld},
		{"all are held, even if that is one", allAreHeld},
		{"half is not held", halfIsNot},
		{"a mass that goes bit by bit is one, too", trickle},
		{"an announced leave is never held, whatever else is", announcedAmongHeld},
		{"who is held and comes back is shown as it is", heldComesBack},
		{"who was let go and came back is not counted as lost", replaced},
		{"a service that is gone at last can be gone again", goneAgain},
		{"HoldFor and Debounce can be turned off", turnedOff},
	})
}

func oneVanishes(t *testing.T, s *scene) {
	s.puts(t, 5)
	v := s.view(t, nil)
	after(time.Minute)
	s.die(t, "i02")
	require.Equal(t, s.moment(), shows(t, v, "i00", "i01", "i03", "i04"))
	require.Zero(t, v.Snapshot().Held)
}

// moment is how long one that vanished is given to come back.
func (s *scene) moment() time.Duration {
	if _, ok := kv.As[kv.RangeWatcher](s.st); ok {
		return 100 * time.Millisecond
	}
	return registry.DefaultDebounce
}

func blip(t *testing.T, s *scene) {
	s.puts(t, 5)
	v := s.view(t, nil)
	after(time.Minute)
	prev := v.Snapshot()
	s.die(t, "i02")
	after(s.moment() - time.Millisecond)
	s.put(t, "i02", "weight", 2)
	after(time.Second)
	d := v.Snapshot().Diff(prev)
	require.Empty(t, d.Removed)
	require.Len(t, d.Changed, 1)
	require.Equal(t, prev.Gen+1, v.Snapshot().Gen)
}

func drainingGoes(t *testing.T, s *scene) {
	s.puts(t, 2)
	s.put(t, "i00", "status", "draining")
	s.put(t, "i01", "ordered", "draining")
	v := s.view(t, nil)
	after(time.Minute)
	s.die(t, "i00", "i01")
	require.Less(t, shows(t, v), time.Second)
}

func massIsHeld(t *testing.T, s *scene) {
	ids := s.puts(t, 5)
	v := s.view(t, nil)
	after(time.Minute)
	s.die(t, ids[:3]...)
	after(time.Second)
	snap := v.Snapshot()
	require.Equal(t, ids, idsOf(snap))
	require.Equal(t, 3, snap.Held)
	require.Equal(t, registry.Live, snap.Health)
	for i, id := range ids {
		require.Equal(t, i < 3, snap.Instance(id).Held, id)
	}
	requireHeld(t, time.Second+shows(t, v, ids[3:]...))
}

func allAreHeld(t *testing.T, s *scene) {
	s.put(t, "a")
	v := s.view(t, nil)
	after(time.Minute)
	s.die(t, "a")
	requireHeld(t, shows(t, v))
}

// requireHeld checks how long it took to let those go that vanished at once. A reader of the pure contract finds some a little later.
func requireHeld(t *testing.T, took time.Duration) {
	t.Helper()
	require.InDelta(t, registry.DefaultHoldFor, took, float64(2*registry.DefaultDebounce))
}

func halfIsNot(t *testing.T, s *scene) {
	ids := s.puts(t, 6)
	v := s.view(t, nil)
	after(time.Minute)
	s.die(t, ids[:3]...)
	require.LessOrEqual(t, shows(t, v, ids[3:]...), time.Second)
}

func trickle(t *testing.T, s *scene) {
	ids := s.puts(t, 10)
	v := s.view(t, nil)
	after(time.Minute)
	for _, id := range ids {
		s.die(t, id)
		after(2 * time.Second)
	}
	require.Equal(t, ids[5:], idsOf(v.Snapshot()), "five were let go")
	require.Equal(t, 5, v.Snapshot().Held)
	require.LessOrEqual(t, shows(t, v), registry.DefaultHoldFor)
}

func announcedAmongHeld(t *testing.T, s *scene) {
	ids := s.puts(t, 4)
	v := s.view(t, nil)
	after(time.Minute)
	s.die(t, ids[:3]...)
	after(time.Second)
	require.Equal(t, 3, v.Snapshot().Held)
	s.put(t, "i03", "status", "left")
	require.Zero(t, shows(t, v, ids[:3]...))
	s.put(t, "i01", "status", "left") // late: it had lost its record, and left when it was back
	require.LessOrEqual(t, shows(t, v, "i00", "i02"), time.Second)
}

func heldComesBack(t *testing.T, s *scene) {
	ids := s.puts(t, 3)
	v := s.view(t, nil)
	after(time.Minute)
	s.die(t, ids...)
	after(10 * time.Second)
	for _, id := range ids {
		s.put(t, id, "zone", "new")
	}
	after(time.Second)
	snap := v.Snapshot()
	require.Zero(t, snap.Held)
	require.Equal(t, 3, snap.Count(registry.InZone("new")))
	after(time.Minute)
	require.Equal(t, ids, idsOf(v.Snapshot()))
}

func replaced(t *testing.T, s *scene) {
	ids := s.puts(t, 5)
	v := s.view(t, nil)
	after(time.Minute)
	for range 3 { // each crashes and comes back, one after the other
		for _, id := range ids {
			s.die(t, id)
			after(time.Second)
			require.Nil(t, v.Snapshot().Instance(id), "only one was away at a time")
			s.put(t, id)
			after(time.Second)
		}
	}
}

func goneAgain(t *testing.T, s *scene) {
	v := s.view(t, nil)
	for range 2 {
		ids := s.puts(t, 3)
		shows(t, v, ids...)
		after(time.Minute)
		s.die(t, ids...)
		requireHeld(t, shows(t, v))
		after(time.Minute)
	}
}

func turnedOff(t *testing.T, s *scene) {
	ids := s.puts(t, 3)
	v := s.view(t, &registry.Options{HoldFor: -1, Debounce: -1})
	s.die(t, ids...)
	require.Zero(t, shows(t, v))
}

func TestDiffOfAnyTwoSnapshotsIsRight(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		s := &scene{store: store, st: kvtest.Hide(store)}
		v := s.view(t, &registry.Options{Debounce: -1, HoldFor: -1})
		snaps := []*registry.Snapshot{nil, v.Snapshot()}
		for i := range 40 {
			id := fmt.Sprint(i * 7 % 5)
			if i%3 == 2 && v.Snapshot().Instance(id) != nil {
				s.die(t, id)
			} else {
				s.put(t, id, "weight", i+1)
			}
			after(time.Second)
			snaps = append(snaps, v.Snapshot())
		}
		for i, old := range snaps {
			for _, now := range snaps[max(i, 1):] {
				requireDiff(t, old, now)
			}
		}
	})
}

// requireDiff checks the difference by applying it.
func requireDiff(t *testing.T, old, now *registry.Snapshot) {
	t.Helper()
	set := map[string]*registry.Instance{}
	if old != nil {
		for _, i := range old.Instances {
			set[i.ID] = i
		}
	}
	d := now.Diff(old)
	for _, i := range d.Removed {
		require.Contains(t, set, i.ID)
		delete(set, i.ID)
	}
	for _, i := range d.Changed {
		require.Contains(t, set, i.ID)
		require.NotEqual(t, set[i.ID], i)
		set[i.ID] = i
	}
	for _, i := range d.Added {
		require.NotContains(t, set, i.ID)
		set[i.ID] = i
	}
	require.Len(t, set, len(now.Instances))
	for _, i := range now.Instances {
		require.Same(t, i, set[i.ID])
	}
	require.Equal(t, old != nil && old == now, d.Empty() && old != nil)
}
