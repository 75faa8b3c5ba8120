//go:build linux

package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/test/internal/etcdtest"
)

// Way is how one client reaches the cluster: a proxy before each member.
type Way []*etcdtest.Proxy

// Way returns a way of its own for a client.
func (c *Cluster) Way(t testing.TB) Way {
	t.Helper()
	var w Way
	for _, m := range c.Members {
		w = append(w, m.Proxy(t))
	}
	return w
}

// Endpoints is where the client reaches the members.
func (w Way) Endpoints() (all []string) {
	for _, p := range w {
		all = append(all, p.Endpoint())
	}
	return all
}

// Storage opens a storage at the end of the way, closed at the end of the test if not before.
func (w Way) Storage(t testing.TB) *etcd.Storage {
	t.Helper()
	return openStorage(t, w.Endpoints())
}

// Client returns a plain client at the end of the way, closed at the end of the test.
func (w Way) Client(t testing.TB) *clientv3.Client {
	t.Helper()
	return open(t, w.Endpoints())
}

// Each does the same to each of the client's links.
func (w Way) Each(f func(l *etcdtest.Link)) {
	for _, p := range w {
		f(p.Link)
	}
}

// Stopped is how often something of the client's was stopped in one direction so far.
func (w Way) Stopped(d etcdtest.Direction) (n int) {
	w.Each(func(l *etcdtest.Link) { n += l.Stopped(d) })
	return n
}

// cut holds back all between the member and the others, and between it and the clients that come through its door.
func (m *Member) cut(on bool) {
	m.door.Blackhole(on)
	for _, o := range m.Others() {
		m.c.links[m.n][o.n].Blackhole(on)
		m.c.links[o.n][m.n].Blackhole(on)
	}
}

// Isolate cuts the member off from the others and from clients, and proves that it is: others write, it does not.
func (m *Member) Isolate(t testing.TB) {
	t.Helper()
	m.cut(true)
	m.provenOut(t)
}

// Rejoin ends Isolate, and proves that the member serves again.
func (m *Member) Rejoin(t testing.TB) {
	t.Helper()
	m.cut(false)
	for _, o := range m.Others() { // what was held is old; broken connections are dialled anew at once
		m.c.links[m.n][o.n].Cut()
		m.c.links[o.n][m.n].Cut()
	}
	m.door.Cut()
	m.ProvenIn(t)
}

// Freeze pauses the member's process, and proves that it serves no more while the others do.
func (m *Member) Freeze(t testing.TB) {
	t.Helper()
	m.Pause(t)
	m.provenOut(t)
}

// Thaw ends Freeze, and proves that the member serves again.
func (m *Member) Thaw(t testing.TB) {
	t.Helper()
	m.Resume(t)
	m.ProvenIn(t)
}

// Crash kills the member's process, and proves that the others write, if they are a majority.
func (m *Member) Crash(t testing.TB) {
	t.Helper()
	m.Kill()
	m.provenOut(t)
}

// Restart starts a killed member again on its old data, and proves that it serves.
func (m *Member) Restart(t testing.TB) {
	t.Helper()
	m.Start(t)
	m.ProvenIn(t)
}

// provenOut waits until the others write, and shows that the member does not.
func (m *Member) provenOut(t testing.TB) {
	t.Helper()
	if others := m.Others(); 2*len(others) > len(m.c.Members) {
		client := dial(t, doors(others...))
		defer client.Close()
		require.Eventually(t, func() bool { return m.c.writes(t, client, 300*time.Millisecond) }, 60*time.Second, 20*time.Millisecond,
			"the others do not write")
	}
	client := dial(t, m.Endpoints())
	defer client.Close()
	require.False(t, m.c.writes(t, client, 100*time.Millisecond), "the fault does not bite: member %d writes", m.n)
}

// ProvenIn waits until the member writes.
func (m *Member) ProvenIn(t testing.TB) {
	t.Helper()
	client := dial(t, m.Endpoints())
	defer client.Close()
	require.Eventually(t, func() bool { return m.c.writes(t, client, 300*time.Millisecond) }, 60*time.Second, 20*time.Millisecond,
		"member %d does not serve", m.n)
}

// ProvenDown shows that no member writes.
func (c *Cluster) ProvenDown(t testing.TB) {
	t.Helper()
	client := dial(t, c.Endpoints())
	defer client.Close()
	require.False(t, c.writes(t, client, 300*time.Millisecond), "the fault does not bite: the cluster writes")
}
