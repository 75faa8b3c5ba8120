package pick_test

import (
	"fmt"
	"testing"

	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/pick"
)

// sized returns a snapshot of n instances, of different weights unless they are to be equal.
func sized(n int, equal bool) *registry.Snapshot {
	all := many(n)
	for k, i := range all {
		if !equal {
			i.Weight = 50 + k%7*25
		}
		i.Zone = []string{"here", "there"}[k%2]
	}
	return snapshot(all...)
}

var sizes = []int{3, 100, 1000}

func BenchmarkPick(b *testing.B) {
	for _, k := range kinds {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("%s/%d", k.name, n), func(b *testing.B) { benchmarkPick(b, k.new(nil), sized(n, false)) })
		}
	}
	for _, n := range sizes {
		b.Run(fmt.Sprintf("RendezvousEqualWeights/%d", n), func(b *testing.B) {
			benchmarkPick(b, pick.NewRendezvous(nil).For("key"), sized(n, true))
		})
	}
}

func benchmarkPick(b *testing.B, p pick.Picker, s *registry.Snapshot) {
	_, _ = p.Pick(s)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			picked, err := p.Pick(s)
			if err != nil {
				b.Error(err)
				return
			}
			picked.Done(nil)
		}
	})
}

// BenchmarkNewSnapshot is the pick that comes first after a change.
func BenchmarkNewSnapshot(b *testing.B) {
	for _, k := range kinds {
		for _, n := range sizes {
			b.Run(fmt.Sprintf("%s/%d", k.name, n), func(b *testing.B) {
				s := sized(n, false)
				p := k.new(nil)
				two := []*registry.Snapshot{s, snapshot(s.Instances[1:]...)}
				_, _ = p.Pick(two[1])
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					picked, _ := p.Pick(two[i%2])
					picked.Done(nil)
				}
			})
		}
	}
}
