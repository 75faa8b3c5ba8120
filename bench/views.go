package main

import (
	"fmt"
	"slices"
	"sync"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/pick"
)

var viewRows = []row{picks(1), picks(8)}

// picks measures how a caller finds whom to call next, of a hundred, beside what one writes in a minute: a slice under a lock.
func picks(callers int) row {
	const perCall = 100_000
	return row{fmt.Sprintf("whom to call, of 100: %d at a time", callers), nanoseconds, func(s *stage) []way {
		view := filledView(s)
		own := func(p pick.Picker) func() {
			return func() {
				chosen := must(p.Pick(view.Snapshot()))
				chosen.Done(nil)
			}
		}
		measure := func(one func()) func() block {
			return func() block { return many(callers, perCall, one) }
		}
		l := &list{all: view.Snapshot().Instances}
		return []way{
			{"coord, RoundRobin", "0 allocs", measure(own(pick.NewRoundRobin(nil)))},
			{"coord, Random", "0 allocs", measure(own(pick.NewRandom(nil)))},
			{"coord, P2C", "0 allocs", measure(own(pick.NewP2C(nil)))},
			{"coord, WeightedRandom", "0 allocs", measure(own(pick.NewWeightedRandom(nil)))},
			{"coord, the snapshot alone", "", measure(func() { view.Snapshot() })},
			{"a slice under a Mutex, in turn", "", measure(l.next)},
			{"a copy of it", "", measure(l.copyNext)},
		}
	}}
}

// many has callers do something at the same time, n times each.
func many(callers, n int, one func()) block {
	b := whole(1, func(int) error {
		var calling sync.WaitGroup
		for range callers {
			calling.Go(func() {
				for range n {
					one()
				}
			})
		}
		calling.Wait()
		return nil
	})
	calls := float64(callers * n)
	return block{[]float64{b.values[0] / calls}, b.cost / calls, calls}
}

// filledView is a view of a hundred instances.
func filledView(s *stage) *registry.View {
	st := memory.New(nil)
	s.later(func() { check(st.Close()) })
	r := registry.New(st, nil)
	s.later(func() { check(r.Close(background)) })
	for i := range others {
		must(r.Register(background, registry.Instance{Service: "service", ID: fmt.Sprint(i)}))
	}
	v := r.View("service")
	s.later(v.Close)
	must(v.WaitFor(background, others))
	return v
}

// list is the instances under a lock.
type list struct {
	mu  sync.Mutex
	all []*registry.Instance
	n   int
}

func (l *list) next() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n++
	_ = l.all[l.n%len(l.all)]
}

func (l *list) copyNext() {
	l.mu.Lock()
	all := slices.Clone(l.all)
	l.n++
	n := l.n
	l.mu.Unlock()
	_ = all[n%len(all)]
}
