package etcd

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// gRPC lets a balancer give a connection up, but not what is under way on it: that would go on to wait. So calls and streams carry with
// them, in their ctx, how to break them off, and the balancer keeps it with the member that it gives them to.

// breaker is the key of a ctx under which the function is that breaks the call off.
type breaker struct{}

// errSilent is why a call was broken off.
var errSilent = errors.New("the member has ceased to answer")

// breakable returns a ctx that carries how to break off what is made with it. The function lets go of it.
func breakable(ctx context.Context) (context.Context, func()) {
	inner, cancel := context.WithCancelCause(ctx)
	return context.WithValue(inner, breaker{}, func() { cancel(errSilent) }), func() { cancel(nil) }
}

// broken makes of the cancellation by which a call was broken off what it would be if its connection had broken: others are the caller's.
func broken(ctx context.Context, err error) error {
	if status.Code(err) == codes.Canceled && errors.Is(context.Cause(ctx), errSilent) {
		return status.Error(codes.Unavailable, errSilent.Error())
	}
	return err
}

// breakUnary makes calls breakable.
func breakUnary(
	ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	ctx, done := breakable(ctx)
	defer done()
	return broken(ctx, invoke(ctx, method, req, reply, cc, opts...))
}

// breakStream makes streams breakable.
func breakStream(
	ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	ctx, done := breakable(ctx)
	opts = append(opts[:len(opts):len(opts)], grpc.OnFinish(func(error) { done() }))
	stream, err := open(ctx, desc, cc, method, opts...)
	if err != nil {
		done()
		return nil, broken(ctx, err)
	}
	return breakableStream{stream, ctx}, nil
}

type breakableStream struct {
	grpc.ClientStream
	ctx context.Context
}

func (s breakableStream) RecvMsg(m any) error { return broken(s.ctx, s.ClientStream.RecvMsg(m)) }
