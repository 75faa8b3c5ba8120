package etcd

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
)

const (
	// hedgeAfter is how long a read may be without an answer before it is put to a second member as well.
	hedgeAfter = 250 * time.Millisecond
	// maxHedges is how many reads of a storage may be with two members at the same time: a store that is slow as a whole must not be asked
	// for everything twice.
	maxHedges = 16
)

// reading makes a request that only reads.
func reading[Req, Resp any](
	ctx context.Context, s *Storage, rpc func(context.Context, Req, ...grpc.CallOption) (Resp, error), req Req,
) (Resp, error) {
	var resp Resp
	err := s.call(ctx, read, func(ctx context.Context, opts []grpc.CallOption) (err error) {
		resp, err = hedged(ctx, s, opts, rpc, req)
		return err
	})
	return resp, err
}

// hedged makes one attempt at a read. Where there are several members and no answer has come for a while, another one is asked too, and the
// first answer counts (J. Dean and L. A. Barroso, The Tail at Scale, 2013): all members' answers are linearizable, so either is good. So as
// long as nobody knows yet that a member is silent, reads are late by a moment, where they would wait until it is given up. It takes the
// balancer of [DialOptions] to ask another one for certain; with a client that has not got it, one is asked.
func hedged[Req, Resp any](
	ctx context.Context, s *Storage, opts []grpc.CallOption, rpc func(context.Context, Req, ...grpc.CallOption) (Resp, error), req Req,
) (Resp, error) {
	if s.hedges == nil {
		return rpc(ctx, req, opts...)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	to := new(given)
	first, yield := context.WithCancel(context.WithValue(ctx, noted{}, to))
	defer yield()
	second := make(chan Resp, 1) // its answer, if it has one
	over := make(chan struct{})
	timer := time.AfterFunc(hedgeAfter, func() {
		defer close(over)
		if to.Load() == nil {
			return // another balancer chooses, and might choose the same member again
		}
		select {
		case s.hedges <- struct{}{}:
			defer func() { <-s.hedges }()
		default:
			return
		}
		_, _ = s.attempt(context.WithValue(ctx, avoided{}, to), func(ctx context.Context, opts []grpc.CallOption) error {
			resp, err := rpc(ctx, req, opts...)
			if err == nil {
				second <- resp
				yield()
			}
			return err
		})
	})
	resp, err := rpc(first, req, opts...)
	if timer.Stop() {
		return resp, err
	}
	if err == nil || !transient(err) {
		cancel() // the second has nothing to add
	}
	<-over
	select {
	case other := <-second:
		if err != nil {
			return other, nil
		}
	default:
	}
	return resp, err
}

// given is the member that a read was given to.
type given = atomic.Pointer[member]

// The keys of a ctx whose value is a *given. Of a read with the first the balancer notes there whom it gives it to; one with the second it
// gives to another one than is noted.
type (
	noted   struct{}
	avoided struct{}
)
