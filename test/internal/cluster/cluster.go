//go:build linux

package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// Cluster is an etcd of some members.
type Cluster struct {
	// Members are as many as were asked for, in the order of their numbers; the slice never changes.
	Members []*Member

	mu    sync.Mutex         // guards Members while they are made: the first is dialled before the last is there
	links [][]*etcdtest.Link // by the member that dialled, and the one that it dialled
	admin *clientv3.Client   // of all members
}

// Member is one member. Its process is another one after a restart.
type Member struct {
	*Process
	c     *Cluster
	n     int
	cfg   config
	peers *etcdtest.Proxy // where the others dial it
	door  *etcdtest.Proxy // where it is advertised to clients, and where those come that have no way of their own

	mu           sync.Mutex
	pid          int
	peer, client string // where it listens
}

// Option changes what members are told before they start.
type Option func(*config)

// Quota bounds each member's database to so many bytes.
func Quota(bytes int64) Option { return func(c *config) { c.Quota = bytes } }

// Start runs a cluster of n members until the end of the test, and returns when it serves.
func Start(t testing.TB, n int, opts ...Option) *Cluster {
	t.Helper()
	c := &Cluster{}
	for i := range n {
		c.links = append(c.links, nil)
		for range n {
			c.links[i] = append(c.links[i], etcdtest.NewLink())
		}
		m := c.newMember(t, i)
		c.mu.Lock()
		c.Members = append(c.Members, m)
		c.mu.Unlock()
	}
	var all []string
	for _, m := range c.Members {
		all = append(all, m.cfg.Name+"="+m.cfg.Peer)
	}
	for _, m := range c.Members {
		m.cfg.All = strings.Join(all, ",")
		for _, o := range opts {
			o(&m.cfg)
		}
		m.Start(t)
	}
	c.admin = c.client(t, c.Members...)
	c.UntilServing(t)
	return c
}

func (c *Cluster) newMember(t testing.TB, n int) *Member {
	m := &Member{c: c, n: n}
	unknown := etcdtest.NewLink() // of nobody who is still there
	m.peers = etcdtest.NewProxy(t, func() string { return m.addr(&m.peer) }, func(from net.Conn) *etcdtest.Link {
		if i := owner(from, c.pids()); i >= 0 {
			return c.links[i][n]
		}
		return unknown
	})
	unknown.Refuse(true)
	m.door = m.Proxy(t)
	m.cfg = config{Name: fmt.Sprintf("m%d", n), Dir: t.TempDir(), Peer: m.peers.Endpoint(), Client: m.door.Endpoint()}
	return m
}

func (c *Cluster) pids() (all []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.Members {
		m.mu.Lock()
		all = append(all, m.pid)
		m.mu.Unlock()
	}
	return all
}

func (m *Member) addr(of *string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return *of
}

// Start runs the member's process, at first or again on the data that the last one left.
func (m *Member) Start(t testing.TB) {
	t.Helper()
	b, err := json.Marshal(m.cfg)
	require.NoError(t, err)
	p := Run(t, memberRole, string(b))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Process, m.pid = p, p.PID()
	var found bool
	m.peer, m.client, found = strings.Cut(p.Line, " ")
	require.True(t, found, "where it listens: %q", p.Line)
}

// Proxy is a further way to the member, for clients of their own.
func (m *Member) Proxy(t testing.TB) *etcdtest.Proxy {
	return etcdtest.NewProxy(t, func() string { return m.addr(&m.client) }, nil)
}

// client returns a plain client of the members given, closed at the end of the test.
func (c *Cluster) client(t testing.TB, members ...*Member) *clientv3.Client {
	t.Helper()
	return open(t, doors(members...))
}

func doors(members ...*Member) (endpoints []string) {
	for _, m := range members {
		endpoints = append(endpoints, m.door.Endpoint())
	}
	return endpoints
}

func open(t testing.TB, endpoints []string) *clientv3.Client {
	t.Helper()
	client := dial(t, endpoints)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// dial returns a client that is the caller's to close. What is to be closed at the end of the test is kept until then, which of a test with
// a fault every ten seconds would be many.
func dial(t testing.TB, endpoints []string) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, DialTimeout: 5 * time.Second, Logger: zap.NewNop()})
	require.NoError(t, err, "client")
	return client
}

// Client returns a plain client of one member, closed at the end of the test.
func (m *Member) Client(t testing.TB) *clientv3.Client { return open(t, m.Endpoints()) }

// Endpoints is where clients reach the member.
func (m *Member) Endpoints() []string { return []string{m.door.Endpoint()} }

// Metric reads one of the member's metrics, summed over its labels.
func (m *Member) Metric(t testing.TB, name string) float64 {
	t.Helper()
	return etcdtest.Metric(t, m.door.Endpoint(), name)
}

// Endpoints is where clients reach all members.
func (c *Cluster) Endpoints() (all []string) {
	for _, m := range c.Members {
		all = append(all, m.Endpoints()...)
	}
	return all
}

// Client returns a plain client of all members, closed at the end of the test.
func (c *Cluster) Client(t testing.TB) *clientv3.Client { return c.client(t, c.Members...) }

// Storage opens a storage on all members with a client of its own, closed at the end of the test if not before.
func (c *Cluster) Storage(t testing.TB) *etcd.Storage {
	t.Helper()
	return openStorage(t, c.Endpoints())
}

func openStorage(t testing.TB, endpoints []string) *etcd.Storage {
	t.Helper()
	st, err := etcd.Open(endpoints, nil)
	require.NoError(t, err, "open storage")
	t.Cleanup(func() { require.NoError(t, st.Close(), "close storage") })
	return st
}

// UntilServing returns when a majority takes writes.
func (c *Cluster) UntilServing(t testing.TB) {
	t.Helper()
	require.Eventually(t, func() bool { return c.writes(t, c.admin, time.Second) }, 60*time.Second, 20*time.Millisecond,
		"the cluster does not serve")
}

func (c *Cluster) writes(t testing.TB, client *clientv3.Client, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	_, err := client.Put(ctx, "alive", "")
	return err == nil
}

// Leader returns the member that leads, once those that answer agree on it.
func (c *Cluster) Leader(t testing.TB) *Member {
	t.Helper()
	var leader *Member
	require.Eventually(t, func() bool {
		leader = nil
		for _, m := range c.Members {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			resp, err := c.admin.Status(ctx, m.door.Endpoint())
			cancel()
			if err == nil && resp.Leader == resp.Header.MemberId {
				leader = m
			}
		}
		return leader != nil
	}, 60*time.Second, 50*time.Millisecond, "nobody leads")
	return leader
}

// Others are all members but m.
func (m *Member) Others() (others []*Member) {
	for _, o := range m.c.Members {
		if o != m {
			others = append(others, o)
		}
	}
	return others
}
