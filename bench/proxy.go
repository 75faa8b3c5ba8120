package main

import (
	"net"
	"sync"
)

// proxy is the way of one client to the server, which can be cut: nothing passes then, and nobody is told.
type proxy struct {
	ln     net.Listener
	target string

	mu     sync.Mutex
	uncut  *sync.Cond
	cut    bool
	closed bool
	conns  []net.Conn
}

// proxy makes a way to the server.
func (s *stage) proxy() *proxy { return newProxy(s.server.address()) }

func newProxy(target string) *proxy {
	p := &proxy{ln: must(net.Listen("tcp", "127.0.0.1:0")), target: target}
	p.uncut = sync.NewCond(&p.mu)
	go p.accept()
	return p
}

func (p *proxy) endpoint() string { return "http://" + p.ln.Addr().String() }

func (p *proxy) accept() {
	for {
		in, err := p.ln.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, in, out)
		p.mu.Unlock()
		go p.pass(in, out)
		go p.pass(out, in)
	}
}

func (p *proxy) pass(to, from net.Conn) {
	defer to.Close()
	for buf := make([]byte, 16<<10); ; {
		n, err := from.Read(buf)
		if n > 0 {
			p.wait()
			_, _ = to.Write(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// wait returns when things may pass.
func (p *proxy) wait() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.cut && !p.closed {
		p.uncut.Wait()
	}
}

func (p *proxy) cutOff() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
}

func (p *proxy) close() {
	_ = p.ln.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.uncut.Broadcast()
	for _, c := range p.conns {
		_ = c.Close()
	}
}
