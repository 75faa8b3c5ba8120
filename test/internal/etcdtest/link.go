package etcdtest

import (
	"io"
	"net"
	"sync"
	"time"
)

// Link is a way through a [Proxy], which can be cut, refused, slowed, or held or lost in one direction. What is set applies to all its
// connections and to those that come.
type Link struct {
	mu       sync.Mutex
	changed  chan struct{} // closed and replaced when a setting changes
	closed   bool
	refusing bool
	held     [2]bool // by direction
	lost     [2]bool
	delay    [2]time.Duration
	stopped  [2]int // how often something was held back or thrown away
	refused  int
	conns    map[net.Conn]struct{}
}

// Direction is a way through the proxy.
type Direction int

// The two ways.
const (
	Requests Direction = iota // from the client to the server
	Replies                   // from the server to the client
)

// NewLink returns a link on which nothing is wrong.
func NewLink() *Link {
	return &Link{changed: make(chan struct{}), conns: make(map[net.Conn]struct{})}
}

// Cut breaks all connections; new ones are accepted.
func (l *Link) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		_ = c.Close()
	}
}

// Refuse breaks all connections and, while on, closes new ones at once.
func (l *Link) Refuse(on bool) {
	l.set(func() { l.refusing = on })
	if on {
		l.Cut()
	}
}

// Hold keeps back what goes one way while on, without breaking anything; what was held goes on its way afterwards.
func (l *Link) Hold(d Direction, on bool) { l.set(func() { l.held[d] = on }) }

// Blackhole holds both ways.
func (l *Link) Blackhole(on bool) { l.set(func() { l.held = [2]bool{on, on} }) }

// Lose throws away what goes one way while on. A connection that has lost something is of no more use; Cut it.
func (l *Link) Lose(d Direction, on bool) { l.set(func() { l.lost[d] = on }) }

// Delay keeps each piece that goes one way back for so long; zero ends it.
func (l *Link) Delay(d Direction, by time.Duration) { l.set(func() { l.delay[d] = by }) }

// Stopped is how often something that went one way was held back, delayed or thrown away so far: a fault that has stopped nothing was none.
func (l *Link) Stopped(d Direction) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stopped[d]
}

// Refused is how many connections were turned away so far.
func (l *Link) Refused() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}

func (l *Link) set(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *Link) close() {
	l.set(func() { l.closed = true })
	l.Cut()
}

// add notes a connection so that Cut reaches it; false closes it.
func (l *Link) add(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refusing {
		l.refused++
	}
	if l.closed || l.refusing {
		return false
	}
	l.conns[c] = struct{}{}
	return true
}

func (l *Link) remove(c net.Conn) {
	_ = c.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// pump copies one way until either end is closed.
func (l *Link) pump(to, from net.Conn, d Direction) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !l.pass(to, buf[:n], d) {
			return
		}
		if err != nil {
			return
		}
	}
}

// pass writes b when it may, unless it is to be lost, and reports whether the connection is of use.
func (l *Link) pass(to io.Writer, b []byte, d Direction) bool {
	var late <-chan time.Time // nil until it is delayed
	for stopped := false; ; {
		l.mu.Lock()
		held, lost, delay, closed, changed := l.held[d], l.lost[d], l.delay[d], l.closed, l.changed
		if !stopped && (held || lost || delay > 0) {
			stopped = true
			l.stopped[d]++
		}
		l.mu.Unlock()
		switch {
		case closed:
			return false
		case lost:
			return true
		case held:
			<-changed
			continue
		case delay > 0:
			if late == nil {
				late = time.After(delay)
			}
			select {
			case <-changed:
				continue
			case <-late:
			}
		}
		_, err := to.Write(b)
		return err == nil
	}
}
