package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/session"
)

// idling is what something costs while nothing happens. Figures are of each, in a minute; less what the process and etcd take anyway.
type idling struct {
	Name  string
	N     int
	Ways  []idleFigures // coord's first
	Where string
}

type idleFigures struct {
	Who            string
	Messages       number // that the client sends: renewals and questions too
	Bytes          number // both ways
	Client, Server number // nanoseconds of processors
	Memory         number // bytes in the client, once
}

// idler is a kind of thing that idles. Each way sets n of them up.
type idler struct {
	name string
	n    int
	ways []idleWay
}

type idleWay struct {
	who     string
	begin   func(s *stage, n int)
	prepare func(s *stage, n int) // what has to be there before; it is not measured
}

var idlers = []idler{
	{"a session", 200, []idleWay{{"coord", idleOurSessions, nil}, {peer, idlePeerSessions, nil}}},
	{"a lock held, many of one session", 500, []idleWay{{"coord", held(newOurLocker), nil}, {peer, held(newPeerLocker), nil}}},
	{"a waiter, each for a lock of its own, of one session", 500, []idleWay{
		{"coord", waiters(newOurLocker), holders(newOurLocker)}, {peer, waiters(newPeerLocker), holders(newPeerLocker)},
	}},
	{"a registration", 500, []idleWay{{"coord", idleRegistrations(newOurRegistrar), nil}, {naming, idleRegistrations(newPeerRegistrar), nil}}},
	{"a view, each of a service of its own with 10 instances", 100, []idleWay{
		{"coord", idleViews(newOurRegistrar), filled10(newOurRegistrar)}, {naming, idleViews(newPeerRegistrar), filled10(newPeerRegistrar)},
	}},
}

// idle measures them, one after the other, each for as long as two renewals of the default TTL take.
func (o *settings) idle(r *report) {
	where := o.dirs[0]
	server := (*server)(nil)
	var nothing idleFigures
	for _, kind := range idlers {
		if !o.only.MatchString("idle: " + kind.name) {
			continue
		}
		if server == nil {
			server = serveIn(where)
			defer server.stop()
			alone := idleWay{begin: func(s *stage, _ int) { must(s.client().Get(background, "x")) }}
			nothing = o.idleOf(server, alone, 1, idleFigures{})
		}
		i := &idling{Name: kind.name, N: kind.n, Where: where}
		for _, w := range kind.ways {
			i.Ways = append(i.Ways, o.idleOf(server, w, kind.n, nothing))
		}
		r.Idle = append(r.Idle, i)
		o.keep(r)
		fmt.Fprintf(os.Stderr, "idle: %s: %.1f messages a minute\n", kind.name, i.Ways[0].Messages)
	}
}

// window is how long idling is measured.
func (o *settings) window() time.Duration {
	if o.quick {
		return 2500 * time.Millisecond
	}
	return 10 * time.Second
}

// idleOf measures all of a kind together, less what nothing takes, which is measured anew where something had to be prepared.
func (o *settings) idleOf(server *server, w idleWay, n int, nothing idleFigures) idleFigures {
	window := o.window()
	s := &stage{server: server, quick: o.quick}
	defer s.clear()
	if w.prepare != nil {
		w.prepare(s, n)
		nothing = s.idleFor(window)
	}
	memory := settled()
	w.begin(s, n)
	f := s.idleFor(window)
	f.Who, f.Memory = w.who, number(settled()-memory)
	return f.less(nothing, n)
}

// idleFor waits until all is calm, and measures what is used in a window after that, in a minute.
func (s *stage) idleFor(window time.Duration) idleFigures {
	time.Sleep(calm)
	before, sent := s.spent(), s.wire.all.Load()
	time.Sleep(window)
	used, minutes := s.spent().since(before), window.Minutes()
	return idleFigures{
		Messages: number(float64(s.wire.all.Load()-sent) / minutes), Bytes: number(used.bytes / minutes),
		Client: number(float64(used.client) / minutes), Server: number(float64(used.server) / minutes),
	}
}

// settled is what is in use when stacks have shrunk to what they need, and pools are empty.
func settled() int64 {
	for range 4 {
		inUse()
	}
	return inUse()
}

// less is what is left of each when the process itself is taken off.
func (f idleFigures) less(nothing idleFigures, n int) idleFigures {
	left := func(a, b number) number { return max(a-b, 0) / number(n) }
	return idleFigures{
		f.Who, left(f.Messages, nothing.Messages), left(f.Bytes, nothing.Bytes), left(f.Client, nothing.Client), left(f.Server, nothing.Server),
		left(f.Memory, nothing.Memory),
	}
}

func idleOurSessions(s *stage, n int) {
	st := s.storage()
	for range n {
		s.session(st)
	}
}

func idlePeerSessions(s *stage, n int) {
	c := s.client()
	for range n {
		s.peerSessionFor(c, session.DefaultTTL)
	}
}

func held(make func(s *stage) locker) func(s *stage, n int) {
	return func(s *stage, n int) {
		l := make(s)
		for i := range n {
			s.later(l.lock("held-" + strconv.Itoa(i)))
		}
	}
}

// holders hold what waiters wait for, who let them go at the end.
func holders(make func(s *stage) locker) func(s *stage, n int) {
	return func(s *stage, n int) {
		l := make(s)
		for i := range n {
			s.held = append(s.held, l.lock("held-"+strconv.Itoa(i)))
		}
	}
}

func waiters(make func(s *stage) locker) func(s *stage, n int) {
	return func(s *stage, n int) {
		l := make(s)
		var waiting sync.WaitGroup
		for i := range n {
			waiting.Go(func() { l.lock("held-" + strconv.Itoa(i))() })
		}
		s.later(func() {
			for _, release := range s.held {
				release()
			}
			waiting.Wait()
		})
	}
}

func idleRegistrations(make newRegistrar) func(s *stage, n int) {
	return func(s *stage, n int) {
		s.later(enrolled(make(s, registry.DefaultTTL), s.unique(), n))
	}
}

// filled10 has services with ten instances each, registered by another client, whose leases are so long that nobody renews them meanwhile.
func filled10(make newRegistrar) func(s *stage, n int) {
	return func(s *stage, n int) {
		there := make(s, time.Hour)
		var members []member
		for i := range n {
			for id := range 10 {
				members = append(members, there.join("viewed-"+strconv.Itoa(i), strconv.Itoa(id), "zone"))
			}
		}
		s.later(func() { dismiss(members) })
	}
}

func idleViews(make newRegistrar) func(s *stage, n int) {
	return func(s *stage, n int) {
		looks := make(s, registry.DefaultTTL)
		for i := range n {
			o := looks.watch("viewed-" + strconv.Itoa(i))
			s.later(o.close)
			<-o.counts(10)
		}
	}
}

// unique is a name that no other stage on the server gives either.
func (s *stage) unique() string { return fmt.Sprintf("%s-%x", s.name(), time.Now().UnixNano()) }

func printIdle(w io.Writer, all []*idling) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(w, `
## What it costs to idle, with etcd's data in %s

Each, in a minute, measured for 10 s with many of them in one process, less what the process and etcd take with none. Messages are those that the
client sends, renewals included; CPU is that of all threads, etcd's in steps of 10 ms for all together, so small figures are rough.
Of client-go, etcd is its fake API server; it and coord's leaders and candidates run in processes of their own.

| what | who | messages | bytes | CPU, client | CPU, etcd | memory of the client |
|---|---|---:|---:|---:|---:|---:|
`, all[0].Where)
	for _, i := range all {
		name := fmt.Sprintf("%s (%d measured)", i.Name, i.N)
		for _, f := range i.Ways {
			fmt.Fprintf(w, "| %s | %s | %.1f | %.0f | %s | %s | %s |\n", name, f.Who, f.Messages, f.Bytes,
				nanoseconds.show(f.Client), nanoseconds.show(f.Server), bytesEach.show(f.Memory))
			name = ""
		}
	}
}
