package etcd

import (
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

const (
	// glance is the time between two looks at the members.
	glance = 250 * time.Millisecond
	// doubtful is how long a call may be without an answer, before its member is asked whether it is there.
	doubtful = 500 * time.Millisecond
	// unanswered is how long a question may be, before its member may be passed over.
	unanswered = time.Second
	// behind is how much later than another one a member may answer: after an election they do so one after the other.
	behind = 500 * time.Millisecond
	// hopeless is how long a question may be, before what is under way on its member is broken off.
	hopeless = 2500 * time.Millisecond
	// checkStreams is how long a member with streams may be silent before it is asked whether it is there: streams may be silent for long.
	checkStreams = 3 * time.Second
	// questionTimeout bounds a question.
	questionTimeout = 5 * time.Second
)

// member is one endpoint: its connection, and whether it answers. What is in it is guarded by the balancer's mutex.
//
//	answering ──no answer, but another's──▶ silent (passed over) ──still none──▶ given up (connection made anew)
//	    ▲                                     │                                     │
//	    └──────────────answer─────────────────┴─────────────────────────────────────┘
//
// To pass one over costs nothing, for it may only be slow, as are all on a machine with too much to do; to break off what is under way may make a
// write uncertain.
type member struct {
	b        *balance
	endpoint resolver.Endpoint
	conn     balancer.SubConn // nil if it could not be made
	state    connectivity.State
	client   *asker
	forget   func() // lets client go

	silent  bool // or given up
	givenUp bool
	heard   time.Time          // when it last answered
	calls   map[*call]struct{} // under way
	streams int                // how many of them are streams
	since   time.Time          // since when one of the others has no answer; zero: there is none such
	asked   time.Time          // when the question under way was put; zero: there is none
	late    time.Time          // when it was seen that another one has answered since, and this one has not; zero: it was not
}

// call is a call, or a stream, that was given to a member.
type call struct {
	conn     balancer.SubConn
	stream   bool
	breakOff func() // nil if it cannot be
}

// dialLocked makes a connection, in the place of the one that there was.
func (m *member) dialLocked() {
	var conn balancer.SubConn
	listener := func(s balancer.SubConnState) { m.changed(conn, s) }
	//lint:ignore SA1019 what is to go are connections of several addresses; an endpoint of etcd's has one
	conn, err := m.b.cc.NewSubConn(m.endpoint.Addresses, balancer.NewSubConnOptions{StateListener: listener})
	m.hangUpLocked()
	if err != nil {
		m.b.err = err
		return
	}
	m.conn, m.state = conn, connectivity.Connecting
	conn.Connect()
}

// hangUpLocked breaks the connection, and with it what is under way on it.
func (m *member) hangUpLocked() {
	m.forgetLocked()
	if m.conn != nil {
		m.conn.Shutdown()
	}
	m.conn, m.state = nil, connectivity.TransientFailure
	m.since, m.asked, m.late = time.Time{}, time.Time{}, time.Time{}
}

// forgetLocked lets the client of the connection go.
func (m *member) forgetLocked() {
	if m.forget != nil {
		m.forget()
	}
	m.client, m.forget = nil, nil
}

// changed is told of each change of a connection.
func (m *member) changed(conn balancer.SubConn, s balancer.SubConnState) {
	m.b.mu.Lock()
	defer m.b.mu.Unlock()
	if conn != m.conn {
		return // one that was given up
	}
	m.state = s.ConnectivityState
	m.forgetLocked() // gRPC does, with every change
	switch s.ConnectivityState {
	case connectivity.Idle:
		conn.Connect()
	case connectivity.TransientFailure:
		m.b.err = s.ConnectionError
	case connectivity.Ready:
		m.heard, m.since = time.Now(), time.Time{}
		p, forget := conn.GetOrBuildProducer(asking{})
		m.client, m.forget = p.(*asker), forget
	}
	m.b.tellLocked()
}

// beginLocked notes a call, and returns what notes its end.
func (m *member) beginLocked(info balancer.PickInfo, now time.Time) func(balancer.DoneInfo) {
	c := &call{conn: m.conn, stream: isStream(info.FullMethodName)}
	c.breakOff, _ = info.Ctx.Value(breaker{}).(func())
	m.calls[c] = struct{}{}
	switch {
	case c.stream:
		m.streams++
	case m.since.IsZero():
		m.since = now
	}
	return func(info balancer.DoneInfo) {
		m.b.mu.Lock()
		defer m.b.mu.Unlock()
		delete(m.calls, c)
		if c.stream {
			m.streams--
		} else if c.conn == m.conn && info.BytesReceived && !transient(info.Err) {
			m.heardLocked()
		}
	}
}

// heardLocked notes an answer, on the present connection.
func (m *member) heardLocked() {
	m.heard, m.since = time.Now(), time.Time{}
	if len(m.calls) > m.streams {
		m.since = m.heard
	}
}

// giveUpLocked breaks off what is under way on the member, and connects to it anew.
func (m *member) giveUpLocked() {
	m.givenUp = true
	for c := range m.calls {
		if c.breakOff != nil {
			c.breakOff()
		}
	}
	m.dialLocked()
	m.b.tellLocked()
}
