//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/semaphore"
	"github.com/coordkit/coord/primitives/session"
)

// server is a store of its own, of coord dev.
type server struct {
	cmd      *exec.Cmd
	endpoint string
}

func start(ctx context.Context, binary string) (*server, error) {
	s := &server{cmd: exec.CommandContext(ctx, binary, "dev")}
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		return nil, err
	}
	s.endpoint, err = bufio.NewReader(out).ReadString('\n')
	s.endpoint = strings.TrimSpace(s.endpoint)
	return s, err
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(os.Interrupt)
	_ = s.cmd.Wait()
}

// cast are those who hold and wait in the picture.
type cast struct {
	st       *etcd.Storage
	sessions []*session.Session
	registry *registry.Registry
}

// session is one of them, on a host that is made up.
func (c *cast) session(host, program string, pid int) *session.Session {
	owner := session.Owner{Name: fmt.Sprintf("%s/%d", host, pid), Host: host, Program: program, PID: pid}
	s := session.New(c.st, &session.Options{Owner: owner})
	c.sessions = append(c.sessions, s)
	return s
}

// settled is the time in which what was asked for has reached the store.
const settled = 300 * time.Millisecond

// fill puts something of everything on the store, and lets it grow some seconds old.
func fill(ctx context.Context, endpoint string) (*cast, error) {
	st, err := etcd.Open([]string{endpoint}, nil)
	if err != nil {
		return nil, err
	}
	c := &cast{st: st, registry: registry.New(st, &registry.Options{Owner: session.Owner{Name: "web-1/77", Host: "web-1", Program: "api", PID: 77}})}
	release := mutex.New(c.session("ci-1", "make", 4711), "deploy", &mutex.Options{Note: "release 4.2"})
	if _, err := release.Lock(ctx); err != nil {
		return c, err
	}
	for i, program := range []string{"make", "rollback"} {
		waiter := mutex.New(c.session(fmt.Sprintf("ci-%d", i+2), program, 812+i), "deploy", nil)
		go func() { _, _ = waiter.Lock(ctx) }()
		time.Sleep(settled)
	}
	for i := range 2 {
		if _, err := mutex.NewRW(c.session(fmt.Sprintf("web-%d", i+1), "report", 230+i), "db/schema", nil).RLock(ctx); err != nil {
			return c, err
		}
		if _, err := semaphore.New(c.session(fmt.Sprintf("etl-%d", i+1), "import", 90+i), "imports", 3, nil).Acquire(ctx, 1); err != nil {
			return c, err
		}
		instance := registry.Instance{
			Service: "api", ID: fmt.Sprintf("api-%d", i+1), Endpoints: []registry.Endpoint{{Name: "http", Address: fmt.Sprintf("10.0.0.%d:8080", i+1)}},
		}
		if _, err := c.registry.Register(ctx, instance); err != nil {
			return c, err
		}
		e := election.New(c.session(fmt.Sprintf("node-%d", i+1), "scheduler", 31+i), "scheduler", &election.Options{Value: []byte("10.0.0.7:9000")})
		go func() { _, _ = e.Campaign(ctx) }()
		time.Sleep(settled)
	}
	time.Sleep(5 * time.Second)
	return c, nil
}

// leave gives everything back.
func (c *cast) leave(ctx context.Context) {
	for _, s := range c.sessions {
		_ = s.Close(ctx)
	}
	_ = c.registry.Close(ctx)
	_ = c.st.Close()
}
