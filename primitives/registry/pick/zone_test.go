package pick_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/pick"
)

// zones returns a snapshot with that many serving instances in each zone, sorted by ID.
func zones(here, there, elsewhere int) *registry.Snapshot {
	var all []*registry.Instance
	for _, z := range []struct {
		name string
		n    int
	}{{"elsewhere", elsewhere}, {"here", here}, {"there", there}} {
		for k := range z.n {
			all = append(all, instance(fmt.Sprintf("%s-%02d", z.name, k), zone(z.name)))
		}
	}
	return snapshot(all...)
}

func TestZoneFirstPrefersItsZoneWhileThereAreEnough(t *testing.T) {
	for _, c := range []struct {
		name string
		s    *registry.Snapshot
		opts *pick.ZoneOptions
		own  bool
	}{
		{"one of two", zones(1, 1, 0), nil, true},
		{"as many as in the others", zones(3, 3, 3), nil, true},
		{"half the average", zones(2, 5, 5), nil, true},
		{"less than half the average", zones(1, 5, 5), nil, false},
		{"none", zones(0, 2, 2), nil, false},
		{"all", zones(2, 0, 0), nil, true},
		{"share not asked", zones(1, 50, 50), &pick.ZoneOptions{MinShare: -1}, true},
		{"less than a share of 1", zones(2, 3, 0), &pick.ZoneOptions{MinShare: 1}, false},
		{"as many as must be", zones(3, 3, 3), &pick.ZoneOptions{MinCount: 3}, true},
		{"fewer than must be", zones(2, 2, 2), &pick.ZoneOptions{MinCount: 3}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := pick.NewZoneFirst("here", pick.NewRoundRobin(nil), c.opts)
			n := len(c.s.Instances)
			got := count(t, p, c.s, n)
			if !c.own {
				require.Len(t, got, n, "all are picked: %v", got)
				return
			}
			for id := range got {
				require.Equal(t, "here", c.s.Instance(id).Zone, "picked %s", id)
			}
		})
	}
}

func TestZoneFirstCountsThoseServing(t *testing.T) {
	s := zones(4, 4, 0)
	for _, i := range s.Instances {
		if i.Zone == "here" && i.ID != "here-00" {
			i.Status = registry.NotServing
		}
	}
	p := pick.NewZoneFirst("here", pick.NewRoundRobin(nil), nil)
	require.Len(t, count(t, p, s, 20), 5, "one of 2.5 on average: all that serve are picked")
}

func TestZoneFirstFiltersBeforeItCounts(t *testing.T) {
	s := zones(3, 3, 0)
	s.Instances[0].Tags = []string{"new"} // one here
	s.Instances[4].Tags = []string{"new"} // one there
	opts := &pick.ZoneOptions{Filters: []registry.Filter{registry.Tag("new")}, MinCount: 2}
	require.Equal(t, map[string]int{"here-00": 5, "there-01": 5},
		count(t, pick.NewZoneFirst("here", pick.NewRoundRobin(nil), opts), s, 10), "too few here, and the others are left out still")
	opts.MinCount = 1
	require.Equal(t, map[string]int{"here-00": 10}, count(t, pick.NewZoneFirst("here", pick.NewRoundRobin(nil), opts), s, 10))

	before := pick.NewZoneFirst("here", pick.NewRoundRobin(nil), opts)
	opts.Filters[0] = registry.Tag("newer")
	require.Equal(t, "here-00", take(t, before, s), "options are copied")
	_, err := pick.NewZoneFirst("here", pick.NewRoundRobin(nil), opts).Pick(s)
	var none *pick.NoneError
	require.ErrorAs(t, err, &none)
	require.Equal(t, 6, none.Filtered)
}

func TestZoneFirstWithoutAZonePrefersNothing(t *testing.T) {
	s := snapshot(instance("a"), instance("b", zone("z")))
	for _, opts := range []*pick.ZoneOptions{nil, {Filters: []registry.Filter{registry.Not(registry.InZone("x"))}}} {
		s := snapshot(append(s.Instances, instance("c", zone("x")))...)
		p := pick.NewZoneFirst("", pick.NewRoundRobin(nil), opts)
		require.Equal(t, opts == nil, count(t, p, s, 30)["c"] > 0, "c is picked")
		require.NotZero(t, count(t, p, s, 30)["b"], "picks of b")
	}
}

func TestZoneFirstLeavesFailOpenToThePickerWithin(t *testing.T) {
	s := zones(1, 1, 0)
	for _, i := range s.Instances {
		i.Status = registry.NotServing
	}
	p := pick.NewZoneFirst("here", pick.NewRoundRobin(&pick.Options{FailOpen: true}), nil)
	require.Equal(t, map[string]int{"here-00": 5, "there-00": 5}, count(t, p, s, 10))
}

func TestZoneFirstPassesDoneOn(t *testing.T) {
	p := pick.NewZoneFirst("here", p2c(t, inFlightOnly), nil)
	s := zones(2, 2, 0)
	_, picks := begin(t, p, s, 10)
	for _, picked := range picks {
		if picked.Instance.ID == "here-01" {
			picked.Done(nil)
		}
	}
	got, _ := begin(t, p, s, 5)
	require.Equal(t, map[string]int{"here-01": 5}, got)
}

func TestNarrowIsTheSameForTheSameSnapshot(t *testing.T) {
	s := zones(2, 2, 2)
	s.Instances[2].Held, s.Instances[5].Held, s.Held = true, true, 2
	z := pick.NewZoneFirst("here", pick.NewRoundRobin(nil), nil)
	narrow := z.Narrow(s)
	require.Same(t, narrow, z.Narrow(s))
	require.Len(t, narrow.Instances, 2)
	require.Equal(t, 1, narrow.Held)
	require.Len(t, s.Instances, 6, "the snapshot itself is as it was")

	picked, err := pick.NewRendezvous(nil).Pick(narrow, "key")
	require.NoError(t, err)
	require.Equal(t, "here", picked.Instance.Zone)
}

func TestZoneFirstTellsWhatIsInvalid(t *testing.T) {
	within := pick.NewRoundRobin(nil)
	for name, p := range map[string]*pick.ZoneFirst{
		"no picker":      pick.NewZoneFirst("here", nil, nil),
		"negative count": pick.NewZoneFirst("here", within, &pick.ZoneOptions{MinCount: -1}),
		"share NaN":      pick.NewZoneFirst("here", within, &pick.ZoneOptions{MinShare: math.NaN()}),
	} {
		_, err := p.Pick(zones(1, 1, 1))
		require.ErrorIs(t, err, kv.ErrInvalid, name)
		require.NotErrorIs(t, err, pick.ErrNone, name)
	}
}
