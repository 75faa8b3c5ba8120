package etcd

import (
	"context"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
)

// watch looks at the members until the balancer is closed.
func (b *balance) watch() {
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for last := time.Now(); ; {
		select {
		case <-tick.C:
		case <-b.ctx.Done():
			return
		}
		now := time.Now()
		b.look(now, now.Sub(last) > 2*glance)
		last = now
	}
}

// look puts questions where there is reason to, and passes over, and in the end gives up, members that have left one without an answer while
// another one has answered.
// stood says that this process has not run for a while: answers may be there that nobody has read yet.
func (b *balance) look(now time.Time, stood bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.order) < 2 {
		return // there is no other
	}
	doubt := false
	for _, m := range b.order {
		if m.state != connectivity.Ready {
			continue
		}
		if stood && !m.asked.IsZero() {
			m.asked, m.late = now, time.Time{}
		}
		if m.dueLocked(now) {
			m.askLocked(now)
		}
		if m.givenUp || m.asked.IsZero() {
			continue
		}
		waited := now.Sub(m.asked)
		switch {
		case !b.othersLocked(m):
			doubt = doubt || waited >= unanswered
		case m.late.IsZero():
			m.late = now
		case waited < unanswered || now.Sub(m.late) < behind:
		case !m.silent:
			m.silent = true
		case waited >= hopeless:
			m.giveUpLocked()
		}
	}
	if doubt { // it may be the store that does not answer, and it may be that nobody has asked the others
		for _, m := range b.order {
			m.askLocked(now)
		}
	}
}

// dueLocked reports whether there is reason to put a question.
func (m *member) dueLocked(now time.Time) bool {
	return m.silent || !m.since.IsZero() && now.Sub(m.since) >= doubtful || m.streams > 0 && now.Sub(m.heard) >= checkStreams
}

// othersLocked reports whether another member has answered since the question to m was put.
func (b *balance) othersLocked(m *member) bool {
	for _, o := range b.order {
		if o != m && o.state == connectivity.Ready && !o.silent && o.heard.After(m.asked) {
			return true
		}
	}
	return false
}

// askLocked puts a question, unless one is under way: a read that only a member with a leader and a majority can answer.
func (m *member) askLocked(now time.Time) {
	if !m.asked.IsZero() || m.client == nil || m.state != connectivity.Ready || m.b.ctx.Err() != nil {
		return
	}
	m.asked, m.late = now, time.Time{}
	conn, client := m.conn, m.client
	m.b.wg.Go(func() {
		ctx, cancel := context.WithTimeout(m.b.ctx, questionTimeout)
		defer cancel()
		_, err := client.Range(ctx, &pb.RangeRequest{Key: []byte{0}, CountOnly: true})
		m.b.mu.Lock()
		defer m.b.mu.Unlock()
		if conn != m.conn {
			return
		}
		m.asked = time.Time{}
		if !transient(err) {
			m.silent, m.givenUp = false, false
			m.heardLocked()
		}
	})
}

// asking makes what puts questions to one connection, past the balancer.
type asking struct{}

// asker is a client of one connection.
type asker struct{ pb.KVClient }

// Build implements balancer.ProducerBuilder.
func (asking) Build(conn any) (balancer.Producer, func()) {
	return &asker{pb.NewKVClient(conn.(grpc.ClientConnInterface))}, func() {}
}
