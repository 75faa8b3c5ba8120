package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// standing are candidates of two processes: those of the second wait to follow those of the first.
type standing struct {
	names         []string
	first, second *stander
}

// standUp has so many stand, one after the other, lest all renew or poll at once. The first process reaches the server at the endpoint.
func (c contender) standUp(n int, endpoint string, wrote func(name string)) standing {
	st := standing{
		make([]string, n), startStander(c.command(endpoint, wrote != nil), wrote), startStander(c.command(c.server.endpoint, false), nil),
	}
	prefix := fmt.Sprintf("election-%x-", rand.Uint64())
	var all sync.WaitGroup
	for i := range st.names {
		st.names[i] = prefix + strconv.Itoa(i)
		all.Go(func() {
			time.Sleep(c.pacing.step() * time.Duration(i) / time.Duration(n))
			st.first.stand(st.names[i])
			st.first.leads(st.names[i])
			st.second.stand(st.names[i])
		})
	}
	all.Wait()
	time.Sleep(parked)
	return st
}

func (st standing) kill() {
	st.first.kill()
	st.second.kill()
}

// each calls f for each election, in the background, and waits.
func (st standing) each(f func(i int, name string)) {
	var all sync.WaitGroup
	for i, name := range st.names {
		all.Go(func() { f(i, name) })
	}
	all.Wait()
}

// trial is what became of candidates who waited for leaders: of some that gave up, and of others that were cut off.
type trial struct{ gave, cut []passage }

// passage is when a leader was told to give up, or was cut off, when the next one led, and when the old one's ctx had ended.
type passage struct{ start, next, end time.Time }

func (p passage) took() float64    { return float64(p.next.Sub(p.start)) }
func (p passage) overlap() float64 { return float64(p.end.Sub(p.next)) }

func (t trial) given() []float64    { return figuresIn(t.gave, passage.took) }
func (t trial) followed() []float64 { return figuresIn(t.cut, passage.took) }
func (t trial) overlap() []float64  { return figuresIn(t.cut, passage.overlap) }

// late is one figure: how many there were who believed that they led when the next ones did.
func (t trial) late() []float64 {
	n := 0.0
	for _, p := range t.cut {
		if p.overlap() > 0 {
			n++
		}
	}
	return []float64{n}
}

func figuresIn(ps []passage, of func(passage) float64) []float64 {
	values := make([]float64, len(ps))
	for i, p := range ps {
		values[i] = of(p)
	}
	return values
}

// trials are made once for all rows that show something of them, as they take long.
func (s *stage) trials(p pacing, of func(trial) []float64) (ways []way) {
	n := 48
	if s.quick {
		n = 12
	}
	if s.tried == nil {
		s.tried = make(map[string]*[]trial)
	}
	for _, c := range s.contenders(p, true, false) {
		key, round := c.who+p.lease.String(), 0
		if s.tried[key] == nil {
			s.tried[key] = new([]trial)
		}
		made := s.tried[key]
		ways = append(ways, way{c.who, "", func() block {
			if round == len(*made) {
				*made = append(*made, c.try(n))
			}
			round++
			return block{values: of((*made)[round-1])}
		}})
	}
	return together(ways)
}

func (c contender) try(n int) (t trial) {
	var both sync.WaitGroup
	both.Go(func() { t.gave = c.handovers(n) })
	both.Go(func() { t.cut = c.severings(n) })
	both.Wait()
	return t
}

// handovers have leaders give up at any time between two polls.
func (c contender) handovers(n int) []passage {
	st := c.standUp(n, c.server.endpoint, nil)
	defer st.kill()
	ps := make([]passage, n)
	st.each(func(i int, name string) {
		time.Sleep(rand.N(c.pacing.poll()))
		start := time.Now()
		st.first.leave(name)
		ps[i] = passage{start: start, next: st.second.leads(name), end: st.first.ended(name)}
	})
	return ps
}

// severings cut leaders off, without a word to either side: to the store and to who waits they are as good as killed.
func (c contender) severings(n int) []passage {
	p := newProxy(c.server.address())
	defer p.close()
	st := c.standUp(n, p.endpoint(), nil)
	defer st.kill()
	ps := make([]passage, n)
	start := time.Now()
	p.cutOff()
	st.each(func(i int, name string) { ps[i] = passage{start, st.second.leads(name), st.first.ended(name)} })
	return ps
}

// blackouts stops five processes, each with ten leaders, until all have been followed.
func (s *stage) blackouts(p pacing) (ways []way) {
	for _, c := range s.contenders(p, false) {
		ways = append(ways, way{c.who, "", func() block {
			var stale atomic.Int64
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() { stale.Add(c.blackout(10)) })
			}
			all.Wait()
			return block{values: []float64{float64(stale.Load())}}
		}})
	}
	return together(ways)
}

// blackout returns how many writes of leaders that were stopped came after others led.
func (c contender) blackout(leaders int) int64 {
	var granted sync.Map
	var stale atomic.Int64
	st := c.standUp(leaders, c.server.endpoint, func(name string) {
		if _, is := granted.Load(name); is {
			stale.Add(1)
		}
	})
	defer st.kill()
	time.Sleep(rand.N(c.pacing.step())) // wherever in the time between two renewals
	resume := st.first.pause()
	st.each(func(_ int, name string) {
		st.second.leads(name)
		granted.Store(name, true)
	})
	resume()
	st.each(func(_ int, name string) { st.first.ended(name) })
	return stale.Load()
}
