package main

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
)

// wire counts what a stage's clients send: requests, and messages on streams, which open and end watches. Renewals of leases, and
// questions how far a watch is, do not count, for they go by the clock.
type wire struct {
	sent     atomic.Int64
	all      atomic.Int64 // with renewals and questions
	bytes    atomic.Int64 // both ways, as the connections carry them
	renewals sync.Map     // of a lease: when the last answer to a renewal came
}

func (w *wire) options() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithChainUnaryInterceptor(w.unary), grpc.WithChainStreamInterceptor(w.stream), grpc.WithContextDialer(w.dial),
	}
}

func (w *wire) dial(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return countedConn{conn, w}, nil
}

// countedConn counts what it carries.
type countedConn struct {
	net.Conn
	w *wire
}

func (c countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.w.bytes.Add(int64(n))
	return n, err
}

func (c countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.w.bytes.Add(int64(n))
	return n, err
}

func (w *wire) unary(
	ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, call grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	w.sent.Add(1)
	w.all.Add(1)
	return call(ctx, method, req, reply, conn, opts...)
}

func (w *wire) stream(
	ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	st, err := open(ctx, desc, conn, method, opts...)
	switch {
	case err != nil:
		return nil, err
	case strings.HasSuffix(method, "/LeaseKeepAlive"):
		return renewals{st, w}, nil
	}
	return countedStream{st, w}, nil
}

// renewals is a stream of renewals of leases.
type renewals struct {
	grpc.ClientStream
	w *wire
}

func (r renewals) SendMsg(m any) error {
	r.w.all.Add(1)
	return r.ClientStream.SendMsg(m)
}

func (r renewals) RecvMsg(m any) error {
	err := r.ClientStream.RecvMsg(m)
	if answer, ok := m.(interface{ GetID() int64 }); ok && err == nil {
		r.w.renewals.Store(clientv3.LeaseID(answer.GetID()), time.Now())
	}
	return err
}

// renewed is when a lease was renewed last; zero if it never was.
func (w *wire) renewed(l clientv3.LeaseID) time.Time {
	at, _ := w.renewals.Load(l)
	t, _ := at.(time.Time)
	return t
}

type countedStream struct {
	grpc.ClientStream
	w *wire
}

func (c countedStream) SendMsg(m any) error {
	c.w.all.Add(1)
	if req, ok := m.(*pb.WatchRequest); !ok || req.GetProgressRequest() == nil {
		c.w.sent.Add(1)
	}
	return c.ClientStream.SendMsg(m)
}

// moment is a point in time, and how many calls the stage's clients had made by then.
type moment struct {
	at    time.Time
	calls int64
}

func (s *stage) now() moment { return moment{time.Now(), s.wire.sent.Load()} }

// sample is what lies between two moments.
type sample struct{ took, calls float64 }

func (m moment) since(start moment) sample {
	return sample{float64(m.at.Sub(start.at)), float64(m.calls - start.calls)}
}

// samples asks n times for a sample.
func (s *stage) samples(n int, take func() sample) block {
	b := block{values: make([]float64, n)}
	for i := range b.values {
		got := take()
		b.values[i] = got.took
		b.cost += got.calls / float64(n)
	}
	return b
}

// each measures n operations one by one.
func (s *stage) each(n int, op func() error) block {
	return s.samples(n, func() sample {
		start := s.now()
		check(op())
		return s.now().since(start)
	})
}
