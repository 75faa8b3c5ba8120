package etcd

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// policy is the name under which gRPC finds the balancer.
const policy = "coord_answering"

// gRPC knows balancers by name, and wants them registered before anything is dialled: so here, and nowhere later.
func init() { balancer.Register(builder{}) }

// DialOptions are those by which the client that [Open] makes gives no calls to a member that does not answer. Give them to a client of your
// own, before any others, to have a storage made with [New] do so, and whatever else uses the client. What is under way on a member that is
// given up ends as if the connection had broken.
//
// They put the service config aside that etcd's client has, which asks for plain round robin.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDisableServiceConfig(),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"` + policy + `":{}}]}`),
		grpc.WithChainUnaryInterceptor(breakUnary),
		grpc.WithChainStreamInterceptor(breakStream),
	}
}

type builder struct{}

func (builder) Name() string { return policy }

func (builder) Build(cc balancer.ClientConn, _ balancer.BuildOptions) balancer.Balancer {
	b := &balance{cc: cc, members: make(map[string]*member), state: connectivity.Connecting}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.wg.Go(b.watch)
	return b
}

// balance gives each call to the next of the members that answer, in turn.
//
// A member that is stopped, or cut off from the others or from here without a word, closes no connection: a plain round robin would go on to
// send it its share of the calls, and what is watched through it would be silent, until the connection's own probes give up, after 13 seconds.
// So a member that leaves a call without an answer is asked whether it is there, as is one that has streams and nothing else. If it leaves that
// without an answer for a second too, and another one has answered meanwhile, it gets no more calls until it answers again; and if it still does
// not, what is under way there is broken off, so that its streams go on elsewhere.
type balance struct {
	cc     balancer.ClientConn
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	members map[string]*member // by address
	order   []*member
	state   connectivity.State
	err     error // why the last connection failed
	next    int   // whose turn it is
}

// UpdateClientConnState takes the endpoints. They change only if the caller gives the client others.
func (b *balance) UpdateClientConnState(s balancer.ClientConnState) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := make(map[string]bool)
	b.order = nil
	for _, ep := range s.ResolverState.Endpoints {
		name := addresses(ep)
		if seen[name] {
			continue
		}
		seen[name] = true
		m := b.members[name]
		if m == nil {
			m = &member{b: b, endpoint: ep, calls: make(map[*call]struct{})}
			b.members[name] = m
			m.dialLocked()
		}
		b.order = append(b.order, m)
	}
	for name, m := range b.members {
		if !seen[name] {
			delete(b.members, name)
			m.hangUpLocked()
		}
	}
	b.tellLocked()
	if len(b.order) == 0 {
		return balancer.ErrBadResolverState
	}
	return nil
}

func addresses(ep resolver.Endpoint) string {
	var all []string
	for _, a := range ep.Addresses {
		all = append(all, a.Addr)
	}
	return strings.Join(all, ",")
}

// ResolverError cannot happen: the endpoints are given.
func (b *balance) ResolverError(error) {}

// UpdateSubConnState is not used by gRPC where there are listeners.
func (b *balance) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}

// ExitIdle dials whatever is not connected.
func (b *balance) ExitIdle() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.order {
		if m.state == connectivity.Idle && m.conn != nil {
			m.conn.Connect()
		}
	}
}

// Close ends all that the balancer has started.
func (b *balance) Close() {
	b.cancel()
	b.wg.Wait()
}

// tellLocked tells gRPC what the members' connections come to. Once all have failed, the whole has failed until one stands: that others are
// being dialled again is no news.
func (b *balance) tellLocked() {
	if b.ctx.Err() != nil {
		return
	}
	var p picker
	count := make(map[connectivity.State]int)
	for _, m := range b.order {
		count[m.state]++
		if m.state == connectivity.Ready {
			p.ready = append(p.ready, ready{m, m.conn})
		}
	}
	switch {
	case len(p.ready) > 0:
		b.state = connectivity.Ready
	case b.state != connectivity.TransientFailure && count[connectivity.Connecting]+count[connectivity.Idle] > 0:
		b.state = connectivity.Connecting
	default:
		b.state = connectivity.TransientFailure
	}
	p.b, p.err = b, balancer.ErrNoSubConnAvailable
	if b.state == connectivity.TransientFailure {
		p.err = b.err
		if p.err == nil {
			p.err = errors.New("no connection")
		}
	}
	b.cc.UpdateState(balancer.State{ConnectivityState: b.state, Picker: &p})
}

// picker chooses among the connections that stood when it was made.
type picker struct {
	b     *balance
	ready []ready
	err   error // if there are none
}

type ready struct {
	m    *member
	conn balancer.SubConn
}

// Pick implements balancer.Picker.
func (p *picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	if len(p.ready) == 0 {
		return balancer.PickResult{}, p.err
	}
	note, _ := info.Ctx.Value(noted{}).(*given)
	not, _ := info.Ctx.Value(avoided{}).(*given)
	p.b.mu.Lock()
	defer p.b.mu.Unlock()
	r := p.nextLocked(not)
	if note != nil {
		note.Store(r.m)
	}
	return balancer.PickResult{SubConn: r.conn, Done: r.m.beginLocked(info, time.Now())}, nil
}

// nextLocked is whose turn it is among those who are not silent, and, if not is not nil, not the one that it names; if there is none,
// whose turn it is.
func (p *picker) nextLocked(not *given) ready {
	for range p.ready {
		p.b.next++
		if r := p.ready[p.b.next%len(p.ready)]; !r.m.silent && (not == nil || r.m != not.Load()) {
			return r
		}
	}
	p.b.next++
	return p.ready[p.b.next%len(p.ready)]
}

// isStream reports whether a call lasts for as long as its caller wants.
func isStream(method string) bool {
	return strings.HasSuffix(method, "/Watch") || strings.HasSuffix(method, "/LeaseKeepAlive")
}
