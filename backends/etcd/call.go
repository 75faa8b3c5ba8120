package etcd

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/coordkit/coord/kv"
)

// kind says what may be done with a request whose answer did not come.
type kind int

const (
	// read may be asked again, and changes nothing.
	read kind = iota
	// write must be sent once at most: sent again, it could find its own effect and call it somebody else's.
	write
	// repeatable is a write that may be sent again, such as the revocation of a lease.
	repeatable
)

// rpc makes one attempt with the options it is given.
type rpc func(ctx context.Context, opts []grpc.CallOption) error

// call makes a request. While no connection stands it waits for one, for the dial timeout or until ctx ends; what was not sent
// is tried again within that time, and so is what may be repeated. It returns one of this contract's errors.
//
// The client's own interceptor would wait for a connection without bound, and it sends a write again when the server
// answers that its own time is up, which happens with the proposal on its way. So it gets no chance to: see attempt.
func (s *Storage) call(ctx context.Context, k kind, f rpc) error {
	giveUp := time.Now().Add(s.opts.DialTimeout)
	sent := false
	for n := 0; ; n++ {
		if err := s.connected(ctx, giveUp); err != nil {
			return s.outcome(ctx, err, k, sent)
		}
		left, err := s.attempt(ctx, f)
		if err == nil {
			return nil
		}
		sent = sent || left
		again := k != write || !left
		if !again || !transient(err) || ctx.Err() != nil || time.Now().After(giveUp) {
			return s.outcome(ctx, err, k, sent)
		}
		if err := pause(ctx, jittered(n, 10*time.Millisecond, 250*time.Millisecond)); err != nil {
			return s.outcome(ctx, err, k, sent)
		}
	}
}

// outcome is the error of a call that ends with err. A client that was closed has a word of its own for it.
func (s *Storage) outcome(ctx context.Context, err error, k kind, sent bool) error {
	if s.conn.GetState() == connectivity.Shutdown && ctx.Err() == nil && transient(err) {
		err = fmt.Errorf("%w: %w", kv.ErrClosed, err)
		if sent && k != read {
			err = fmt.Errorf("%w: %w", kv.ErrUncertain, err)
		}
		return err
	}
	return failure(ctx, err, sent && k != read)
}

// attempt calls f once and reports whether the request may have left. A request left if it was given a stream on a
// connection, which gRPC tells by naming the peer.
//
// An attempt that ends with a time-out or a cancellation, the server's or the caller's, ends the attempt's ctx with it:
// that is what keeps the client's interceptor from sending it again. It still renews an auth token that has run out and sends
// again what was refused for it.
func (s *Storage) attempt(ctx context.Context, f rpc) (left bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var p peer.Peer
	err = f(ctx, []grpc.CallOption{
		grpc.WaitForReady(false),
		grpc.MaxCallSendMsgSize(2 << 20),
		grpc.MaxCallRecvMsgSize(math.MaxInt32),
		grpc.Peer(&p),
		grpc.OnFinish(func(err error) {
			if c := status.Code(err); c == codes.DeadlineExceeded || c == codes.Canceled {
				cancel()
			}
		}),
	})
	return p.Addr != nil || p.LocalAddr != nil, err
}

// connected waits until the connection stands, giveUp has come, or ctx is over. When the time is up and dialling has
// failed, it returns nil: the attempt that follows fails at once and says why.
func (s *Storage) connected(ctx context.Context, giveUp time.Time) error {
	state := s.conn.GetState()
	if state == connectivity.Ready {
		return nil
	}
	wait, cancel := context.WithDeadline(ctx, giveUp)
	defer cancel()
	for ; ; state = s.conn.GetState() {
		switch state {
		case connectivity.Ready:
			return nil
		case connectivity.Shutdown:
			return status.Error(codes.Canceled, "the client is closed")
		case connectivity.Idle:
			s.conn.Connect()
		}
		if s.conn.WaitForStateChange(wait, state) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return status.FromContextError(err).Err()
		}
		if state == connectivity.TransientFailure {
			return nil
		}
		return status.Errorf(codes.Unavailable, "no connection to %v within %v", s.client.Endpoints(), s.opts.DialTimeout)
	}
}

// jittered returns a time to wait before try n+1: about base·2ⁿ, at most limit, and never less than half of it.
func jittered(n int, base, limit time.Duration) time.Duration {
	d := limit
	if n < 16 {
		d = min(base<<n, limit)
	}
	return d/2 + rand.N(d/2+1)
}

// pause waits for d and returns nil, or ctx's error as gRPC has it if ctx ends first.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}
