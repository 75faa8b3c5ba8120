package etcdtest

import (
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Proxy passes TCP connections on to a server. What it does to them is the affair of its [Link], which they all share unless the proxy
// was told to tell them apart.
type Proxy struct {
	*Link
	target func() string
	route  func(net.Conn) *Link
	ln     net.Listener
	wg     sync.WaitGroup

	mu     sync.Mutex
	closed bool
	used   map[*Link]struct{} // those that have, or had, a connection
}

// Proxy starts a proxy before the server, for the length of the test.
func (s *Server) Proxy(t testing.TB) *Proxy {
	t.Helper()
	return NewProxy(t, func() string { return s.addr }, nil)
}

// NewProxy starts a proxy before what listens at the target, which is asked for each connection, for the length of the test. If route is
// not nil it says which link a connection from a client belongs to.
func NewProxy(t testing.TB, target func() string, route func(from net.Conn) *Link) *Proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err, "listen")
	p := &Proxy{Link: NewLink(), target: target, route: route, ln: ln, used: make(map[*Link]struct{})}
	if route == nil {
		p.route = func(net.Conn) *Link { return p.Link }
	}
	p.wg.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Endpoint is where clients reach the proxy.
func (p *Proxy) Endpoint() string { return "http://" + p.ln.Addr().String() }

func (p *Proxy) close() {
	_ = p.ln.Close()
	p.mu.Lock()
	p.closed = true
	for l := range p.used {
		l.close()
	}
	p.mu.Unlock()
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

func (p *Proxy) serve(in net.Conn) {
	defer in.Close()
	l := p.route(in)
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return
	}
	p.used[l] = struct{}{}
	p.mu.Unlock()

	defer l.remove(in)
	if !l.add(in) {
		return
	}
	out, err := net.Dial("tcp", p.target())
	if err != nil {
		return
	}
	defer l.remove(out)
	if !l.add(out) {
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { l.pump(out, in, Requests) })
	wg.Go(func() { l.pump(in, out, Replies) })
	wg.Wait()
}
