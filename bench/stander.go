package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/session"
)

// standCommand is the argument with which this program stands for elections, as clientgo does, which has what is said between the two.
const standCommand = "stand-for-elections"

// stander is a process that stands for elections, each time as somebody else.
type stander struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	read  chan struct{} // closed when its output has ended

	counts chan string       // answers to count
	wrote  func(name string) // called for each write, one after the other; may be nil

	mu   sync.Mutex
	told map[string]chan time.Time // by what it says
}

// startStander returns when the process is ready.
func startStander(cmd *exec.Cmd, wrote func(name string)) *stander {
	cmd.Stderr = os.Stderr
	p := &stander{cmd: cmd, read: make(chan struct{}), counts: make(chan string, 1), wrote: wrote, told: make(map[string]chan time.Time)}
	p.stdin = must(cmd.StdinPipe())
	out := bufio.NewScanner(must(cmd.StdoutPipe()))
	check(cmd.Start())
	if !out.Scan() {
		check(fmt.Errorf("%v does not start: %w", cmd.Args, cmd.Wait()))
	}
	go func() {
		defer close(p.read)
		for out.Scan() {
			p.hear(out.Text())
		}
	}()
	return p
}

func (p *stander) hear(line string) {
	at := time.Now()
	switch verb, rest, _ := strings.Cut(line, " "); verb {
	case "wrote":
		p.wrote(rest)
	case "count":
		p.counts <- rest
	default:
		p.when(line) <- at
	}
}

// when is sent the time at which the process says something.
func (p *stander) when(line string) chan time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.told[line] == nil {
		p.told[line] = make(chan time.Time, 8) // nothing is said more often
	}
	return p.told[line]
}

// await returns when the process says something, which must not take longer than anything here does.
func (p *stander) await(line string) (at time.Time) {
	select {
	case at = <-p.when(line):
	case <-time.After(time.Minute):
		check(fmt.Errorf("%v does not say that %s", p.cmd.Args, line))
	}
	return at
}

func (p *stander) leads(name string) time.Time { return p.await("leads " + name) }
func (p *stander) ended(name string) time.Time { return p.await("ended " + name) }
func (p *stander) stand(name string)           { p.say("stand " + name) }
func (p *stander) leave(name string)           { p.say("leave " + name) }
func (p *stander) say(line string)             { must(io.WriteString(p.stdin, line+"\n")) }

// count is how many messages the process has sent, how many bytes went both ways, and how many it has in use.
func (p *stander) count() (messages, bytes, memory float64) {
	p.say("count")
	must(fmt.Sscan(<-p.counts, &messages, &bytes, &memory))
	return messages, bytes, memory
}

// pause stops the process, and returns what lets it go on.
func (p *stander) pause() (resume func()) {
	check(p.cmd.Process.Signal(syscall.SIGSTOP))
	return func() { check(p.cmd.Process.Signal(syscall.SIGCONT)) }
}

// kill ends the process: it gives nothing back.
func (p *stander) kill() {
	_ = p.cmd.Process.Kill()
	<-p.read
	_ = p.cmd.Wait()
}

// stand is the process, with coord: args are the endpoint, the TTL, and whether leaders write. Each candidate has a session of its own, as
// in a process of its own, and all share a client.
func stand(args []string) error {
	signal.Ignore(os.Interrupt) // the parent's, and with it the end of the input
	ttl, writes, w := must(time.ParseDuration(args[1])), args[2] == "true", new(wire)
	st := must(etcd.Open([]string{args[0]}, &etcd.Options{DialOptions: w.options()}))
	say("ready")
	leave := make(map[string]context.CancelFunc)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch verb, name, _ := strings.Cut(in.Text(), " "); verb {
		case "stand":
			var ctx context.Context
			ctx, leave[name] = context.WithCancel(background)
			s := session.New(st, &session.Options{TTL: ttl})
			go func() { _ = election.New(s, name, nil).Run(ctx, leading(name, writes)) }()
		case "leave":
			leave[name]()
		case "count":
			say(fmt.Sprint("count ", w.all.Load(), w.bytes.Load(), settled()))
		}
	}
	return nil
}

// leading is what a leader does. It looks at its ctx alone.
func leading(name string, writes bool) func(context.Context, *election.Term) error {
	return func(ctx context.Context, _ *election.Term) error {
		say("leads " + name)
		for writes && ctx.Err() == nil {
			say("wrote " + name)
			time.Sleep(5 * time.Millisecond)
		}
		<-ctx.Done()
		say("ended " + name)
		return nil
	}
}

// say writes a line at once.
func say(line string) { must(os.Stdout.WriteString(line + "\n")) }
