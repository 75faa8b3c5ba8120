package etcdtest

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Proxy passes TCP connections on to a server, and can cut them, refuse them, or hold what goes one way. Faults apply to all
// its connections and to those that come.
type Proxy struct {
	target string
	ln     net.Listener
	wg     sync.WaitGroup

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced when a setting changes
	closed   bool
	refusing bool
	held     [2]bool // by direction
	lost     [2]bool
	conns    map[net.Conn]struct{}
}

// Direction is a way through the proxy.
type Direction int

// The two ways.
const (
	Requests Direction = iota // from the client to the server
	Replies                   // from the server to the client
)

// Proxy starts a proxy before the server, for the length of the test.
func (s *Server) Proxy(t testing.TB) *Proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err, "listen")
	p := &Proxy{target: s.addr, ln: ln, changed: make(chan struct{}), conns: make(map[net.Conn]struct{})}
	p.wg.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Endpoint is where clients reach the proxy.
func (p *Proxy) Endpoint() string { return "http://" + p.ln.Addr().String() }

// Cut breaks all connections; new ones are accepted.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// Refuse breaks all connections and, while on, closes new ones at once.
func (p *Proxy) Refuse(on bool) {
	p.set(func() { p.refusing = on })
	if on {
		p.Cut()
	}
}

// Hold keeps back what goes one way while on, without breaking anything; what was held goes on its way afterwards.
func (p *Proxy) Hold(d Direction, on bool) { p.set(func() { p.held[d] = on }) }

// Blackhole holds both ways.
func (p *Proxy) Blackhole(on bool) { p.set(func() { p.held = [2]bool{on, on} }) }

// Lose throws away what goes one way while on. A connection that has lost something is of no more use; Cut it.
func (p *Proxy) Lose(d Direction, on bool) { p.set(func() { p.lost[d] = on }) }

func (p *Proxy) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Proxy) close() {
	p.set(func() { p.closed = true })
	_ = p.ln.Close()
	p.Cut()
	p.wg.Wait()
}

func (p *Proxy) accept() {
	for {
		in, err := p.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		p.wg.Go(func() { p.serve(in) })
	}
}

// add notes a connection so that Cut reaches it; false closes it.
func (p *Proxy) add(c net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.refusing {
		return false
	}
	p.conns[c] = struct{}{}
	return true
}

func (p *Proxy) remove(c net.Conn) {
	_ = c.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

func (p *Proxy) serve(in net.Conn) {
	defer p.remove(in)
	if !p.add(in) {
		return
	}
	out, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer p.remove(out)
	if !p.add(out) {
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { p.pump(out, in, Requests) })
	wg.Go(func() { p.pump(in, out, Replies) })
	wg.Wait()
}

// pump copies one way until either end is closed.
func (p *Proxy) pump(to, from net.Conn, d Direction) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !p.pass(to, buf[:n], d) {
			return
		}
		if err != nil {
			return
		}
	}
}

// pass writes b when it may, unless it is to be lost, and reports whether the connection is of use.
func (p *Proxy) pass(to io.Writer, b []byte, d Direction) bool {
	for {
		p.mu.Lock()
		held, lost, closed, changed := p.held[d], p.lost[d], p.closed, p.changed
		p.mu.Unlock()
		switch {
		case closed:
			return false
		case lost:
			return true
		case !held:
			_, err := to.Write(b)
			return err == nil
		}
		<-changed
	}
}
