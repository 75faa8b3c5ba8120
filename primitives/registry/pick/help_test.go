package pick_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/pick"
)

// seeded returns options with a chance that is the same in each run of the test.
func seeded(t testing.TB) *pick.Options {
	const seed = 20260801
	t.Logf("seed %d", seed)
	return &pick.Options{Rand: rand.NewPCG(seed, seed)}
}

// snapshot returns one of a service with these instances.
func snapshot(instances ...*registry.Instance) *registry.Snapshot {
	return &registry.Snapshot{Service: "orders", Gen: 1, Health: registry.Live, Instances: instances}
}

func instance(id string, change ...func(*registry.Instance)) *registry.Instance {
	i := &registry.Instance{Service: "orders", ID: id, Status: registry.Serving, Weight: registry.DefaultWeight}
	for _, c := range change {
		c(i)
	}
	return i
}

func weight(w int) func(*registry.Instance)  { return func(i *registry.Instance) { i.Weight = w } }
func zone(z string) func(*registry.Instance) { return func(i *registry.Instance) { i.Zone = z } }
func status(s registry.Status) func(*registry.Instance) {
	return func(i *registry.Instance) { i.Status = s }
}

// many returns n instances, changed alike.
func many(n int, change ...func(*registry.Instance)) []*registry.Instance {
	out := make([]*registry.Instance, n)
	for k := range out {
		out[k] = instance(fmt.Sprintf("i%04d", k), change...)
	}
	return out
}

// take picks once, and is done.
func take(t testing.TB, p pick.Picker, s *registry.Snapshot) string {
	t.Helper()
	picked, err := p.Pick(s)
	require.NoError(t, err, "Pick")
	picked.Done(nil)
	return picked.Instance.ID
}

// count picks n times, and returns how often each ID was picked.
func count(t testing.TB, p pick.Picker, s *registry.Snapshot, n int) map[string]int {
	t.Helper()
	got := make(map[string]int)
	for range n {
		got[take(t, p, s)]++
	}
	return got
}

// requireShares checks that of n independent picks each instance got its share by weight, within five standard deviations.
func requireShares(t testing.TB, s *registry.Snapshot, got map[string]int, n int) {
	t.Helper()
	total := 0
	for _, i := range s.Instances {
		total += i.Weight
	}
	for _, i := range s.Instances {
		share := float64(i.Weight) / float64(total)
		want, deviation := float64(n)*share, math.Sqrt(float64(n)*share*(1-share))
		require.InDelta(t, want, got[i.ID], 5*deviation+1, "picks of %s, weight %d of %d", i.ID, i.Weight, total)
	}
}

// kinds are all pickers, as they are when nothing is chosen but the common options.
var kinds = []struct {
	name string
	new  func(*pick.Options) pick.Picker
}{
	{"RoundRobin", func(o *pick.Options) pick.Picker { return pick.NewRoundRobin(o) }},
	{"Random", func(o *pick.Options) pick.Picker { return pick.NewRandom(o) }},
	{"WeightedRoundRobin", func(o *pick.Options) pick.Picker { return pick.NewWeightedRoundRobin(o) }},
	{"WeightedRandom", func(o *pick.Options) pick.Picker { return pick.NewWeightedRandom(o) }},
	{"P2C", func(o *pick.Options) pick.Picker { return pick.NewP2C(p2cOptions(o)) }},
	{"Rendezvous", func(o *pick.Options) pick.Picker { return pick.NewRendezvous(o).For("key") }},
	{"ZoneFirst", func(o *pick.Options) pick.Picker { return pick.NewZoneFirst("here", pick.NewRoundRobin(o), nil) }},
}

func p2cOptions(o *pick.Options) *pick.P2COptions {
	if o == nil {
		return nil
	}
	return &pick.P2COptions{Options: *o}
}

// forAll runs a test of what all pickers promise.
func forAll(t *testing.T, f func(t *testing.T, build func(*pick.Options) pick.Picker)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) { f(t, k.new) })
	}
}
