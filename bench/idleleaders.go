package main

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// idleCandidates is how many elections have a leader and a candidate each, while that is measured.
const idleCandidates = 200

// idleLeaders measures leaders, and then candidates that wait behind them, of coord and of client-go at the same time: in processes of
// their own, so that each one's figures are told apart.
func (o *settings) idleLeaders(r *report) {
	const leaders, candidates = "a leader, with a session of its own", "a candidate behind one, with a session of its own"
	if !o.only.MatchString("idle: "+leaders) && !o.only.MatchString("idle: "+candidates) {
		return
	}
	s := &stage{server: serveIn(o.dirs[0])}
	defer s.server.stop()
	defer s.clear()
	cs := s.contenders(usual, false)
	lead := &idling{leaders, idleCandidates, make([]idleFigures, len(cs)), o.dirs[0]}
	wait := &idling{candidates, idleCandidates, make([]idleFigures, len(cs)), o.dirs[0]}
	var all sync.WaitGroup
	for i, c := range cs {
		all.Go(func() { lead.Ways[i], wait.Ways[i] = c.idle(o.window()) })
	}
	all.Wait()
	if cs != nil {
		r.Idle = append(r.Idle, lead, wait)
		o.keep(r)
		fmt.Fprintf(os.Stderr, "idle: %s: %.1f messages a minute\n", candidates, wait.Ways[0].Messages)
	}
}

// idle measures a process with leaders alone, and then one with candidates, of which the server's part is what came to it.
func (c contender) idle(window time.Duration) (lead, wait idleFigures) {
	first, second := startStander(c.command(c.server.endpoint, false), nil), startStander(c.command(c.server.endpoint, false), nil)
	defer first.kill()
	defer second.kill()
	of := func(p *stander, settle func(name string)) idleFigures {
		_, _, before := p.count()
		for i := range idleCandidates {
			name := fmt.Sprintf("idle-%s-%d", c.who, i)
			p.stand(name)
			settle(name)
			time.Sleep(usual.step() / idleCandidates) // renewals and polls are not to come all at once
		}
		time.Sleep(calm)
		f := p.idleFor(window, c.server.cmd.Process.Pid)
		f.Memory -= number(before)
		return f
	}
	lead = of(first, func(name string) { first.leads(name) })
	wait = of(second, func(string) {})
	wait.Server -= lead.Server
	lead, wait = lead.less(idleFigures{}, idleCandidates), wait.less(idleFigures{}, idleCandidates)
	lead.Who, wait.Who = c.who, c.who
	return lead, wait
}

// idleFor measures what the process, and the server whose it is, use in a window, in a minute; and what memory the process has in use.
func (p *stander) idleFor(window time.Duration, server int) idleFigures {
	messages, bytes, _ := p.count()
	client, other := processorTimeOf(p.cmd.Process.Pid), processorTimeOf(server)
	time.Sleep(window)
	client, other = processorTimeOf(p.cmd.Process.Pid)-client, processorTimeOf(server)-other
	sent, carried, memory := p.count()
	a := func(v float64) number { return number(v / window.Minutes()) }
	return idleFigures{
		Messages: a(sent - messages), Bytes: a(carried - bytes), Client: a(float64(client)), Server: a(float64(other)), Memory: number(memory),
	}
}
