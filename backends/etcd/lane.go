package etcd

import (
	"container/heap"
	"context"
	"errors"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"

	"github.com/coordkit/coord/kv"
)

// lane is one stream of renewals and the leases that wait for their turn on it. The server answers in order, so the oldest
// request without an answer is the one an answer is for, and a lease's TTL counts from the moment before that was sent.
//
// A stream that leaves a request without an answer for a sixth of that lease's TTL is given up, and another is opened, on
// the next member if there are several: a member that is stopped or cut off closes nothing. That is four tries before the
// lease runs out.
type lane struct {
	s      *Storage
	keeper *keeper
	client pb.LeaseClient
	prompt bool // for leases with time left; otherwise for those without

	wake chan struct{} // of one: there is something new to look at

	// Guarded by keeper.mu.
	running bool
	due     leaseHeap // to be sent
	sent    []renewal // on the present stream, without answer yet, oldest first
	hungAt  time.Time // not after the first deadline in sent
}

// renewal is a request on a stream.
type renewal struct {
	l        *lease
	at       time.Time // just before it was sent
	deadline time.Time // when its answer is overdue
}

// window bounds the requests without an answer, so that all fit into what a stream takes without its receiver's doing and
// no send ever blocks.
const window = 1024

// patience is the longest time that an answer may take, whatever the TTL.
const patience = 10 * time.Second

var (
	errStreamLost = errors.New("renewal stream lost")
	errNoAnswer   = errors.New("no answer to a renewal")
	errOutOfOrder = errors.New("renewal answered out of order")
)

func newLane(s *Storage, k *keeper, client pb.LeaseClient, prompt bool) *lane {
	return &lane{s: s, keeper: k, client: client, prompt: prompt, wake: make(chan struct{}, 1)}
}

// pushLocked queues a lease for its due time and starts the lane with its first.
func (ln *lane) pushLocked(l *lease) {
	if l.place >= 0 {
		return
	}
	heap.Push(&ln.due, l)
	if !ln.running {
		ln.running = ln.s.start(ln.run)
	}
	if ln.due[0] == l {
		ln.poke()
	}
}

// dropLocked takes a lease out of the queue if it is in this one.
func (ln *lane) dropLocked(l *lease) {
	if l.place >= 0 && l.place < len(ln.due) && ln.due[l.place] == l {
		heap.Remove(&ln.due, l.place)
		ln.poke()
	}
}

func (ln *lane) poke() {
	select {
	case ln.wake <- struct{}{}:
	default:
	}
}

// run keeps a stream open while there are leases, until Close.
func (ln *lane) run() {
	for n := 0; ln.s.ctx.Err() == nil; {
		if ln.empty() {
			select {
			case <-ln.wake:
			case <-ln.s.ctx.Done():
			}
			continue
		}
		answered, err := ln.serve(ln.s.ctx)
		if err == nil || answered {
			n = 0
		}
		if err == nil || ln.s.ctx.Err() != nil {
			continue
		}
		ln.s.opts.Logger.Info("lease renewal interrupted, opening the stream again", "err", err)
		_ = pause(ln.s.ctx, jittered(n, 20*time.Millisecond, time.Second))
		n++
	}
}

func (ln *lane) empty() bool {
	ln.keeper.mu.Lock()
	defer ln.keeper.mu.Unlock()
	return len(ln.due) == 0
}

// serve opens a stream and renews over it until no lease is left, which is no error, or the stream is lost. It reports
// whether any answer came.
func (ln *lane) serve(ctx context.Context) (answered bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := ln.open(ctx, cancel)
	if err != nil {
		return false, err
	}
	var lost error
	done := make(chan struct{})
	go func() {
		defer close(done)
		for lost == nil {
			var resp *pb.LeaseKeepAliveResponse
			if resp, lost = stream.Recv(); lost == nil {
				answered = true
				lost = ln.answer(resp)
			}
		}
	}()
	err = ln.send(stream, done)
	cancel()
	<-done
	if errors.Is(err, errStreamLost) {
		err = rpctypes.Error(lost)
	}
	ln.recall(err)
	return answered, err
}

// open opens a stream, within the dial timeout; cancel is of ctx.
func (ln *lane) open(ctx context.Context, cancel func()) (pb.Lease_LeaseKeepAliveClient, error) {
	if err := ln.s.connected(ctx, time.Now().Add(ln.s.opts.DialTimeout)); err != nil {
		return nil, err
	}
	defer time.AfterFunc(ln.s.opts.DialTimeout, cancel).Stop()
	return ln.client.LeaseKeepAlive(clientv3.WithRequireLeader(ctx), grpc.WaitForReady(false))
}

// send sends what is due until no lease is left, an answer is overdue, or done says that the stream is lost.
func (ln *lane) send(stream pb.Lease_LeaseKeepAliveClient, done <-chan struct{}) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		l, wait, err := ln.next(time.Now())
		switch {
		case err != nil || (l == nil && wait < 0):
			return err
		case l != nil:
			if stream.Send(&pb.LeaseKeepAliveRequest{ID: int64(l.id)}) != nil {
				<-done // the receiver has the reason
				return errStreamLost
			}
			continue
		}
		timer.Reset(wait)
		select {
		case <-ln.wake:
		case <-timer.C:
		case <-done:
			return errStreamLost
		}
	}
}

// next returns the lease to renew now, noted as sent, or how long there is nothing to do; negative: no lease is left. It
// fails if an answer is overdue.
func (ln *lane) next(now time.Time) (l *lease, wait time.Duration, err error) {
	ln.keeper.mu.Lock()
	defer ln.keeper.mu.Unlock()
	if ln.hungLocked(now) {
		return nil, 0, errNoAnswer
	}
	for len(ln.due) > 0 && len(ln.sent) < window && !ln.due[0].due.After(now) {
		l := heap.Pop(&ln.due).(*lease)
		if ln.prompt && l.TTL() <= 0 {
			ln.keeper.late.pushLocked(l)
			continue
		}
		deadline := now.Add(min(max(l.interval/2, 250*time.Millisecond), patience))
		if !ln.prompt {
			deadline = now.Add(patience)
		}
		if len(ln.sent) == 0 || deadline.Before(ln.hungAt) {
			ln.hungAt = deadline
		}
		ln.sent = append(ln.sent, renewal{l: l, at: now, deadline: deadline})
		return l, 0, nil
	}
	switch {
	case len(ln.sent) > 0:
		wait = ln.hungAt.Sub(now)
	case len(ln.due) > 0:
		wait = ln.due[0].due.Sub(now)
	default:
		return nil, -1, nil
	}
	if len(ln.due) > 0 && len(ln.sent) < window {
		wait = min(wait, ln.due[0].due.Sub(now))
	}
	return nil, max(wait, 0), nil
}

// hungLocked reports whether an answer is overdue. hungAt may be that of a request answered since, so it is found anew first.
func (ln *lane) hungLocked(now time.Time) bool {
	if len(ln.sent) == 0 || ln.hungAt.After(now) {
		return false
	}
	ln.hungAt = ln.sent[0].deadline
	for _, r := range ln.sent {
		if r.deadline.Before(ln.hungAt) {
			ln.hungAt = r.deadline
		}
	}
	return !ln.hungAt.After(now)
}

// answer pairs an answer with the oldest request.
func (ln *lane) answer(resp *pb.LeaseKeepAliveResponse) error {
	ln.keeper.mu.Lock()
	if len(ln.sent) == 0 || ln.sent[0].l.id != kv.LeaseId(resp.ID) {
		ln.keeper.mu.Unlock()
		return errOutOfOrder
	}
	r := ln.sent[0]
	ln.sent[0].l = nil
	ln.sent = ln.sent[1:]
	if len(ln.sent) == 0 || len(ln.sent) == window-1 {
		ln.poke()
	}
	ln.keeper.mu.Unlock()
	ln.keeper.answered(r.l, r.at, seconds(resp.TTL))
	return nil
}

// recall queues again what a lost stream left without an answer. If the store refused a request, it was the oldest, which
// then has to wait, or it would take the next stream down as well.
func (ln *lane) recall(err error) {
	ln.keeper.mu.Lock()
	defer ln.keeper.mu.Unlock()
	now := time.Now()
	for i, r := range ln.sent {
		if !r.l.kept {
			continue
		}
		r.l.due = now
		if i == 0 && definite(err) {
			r.l.due = now.Add(r.l.interval / 2)
		}
		ln.pushLocked(r.l)
	}
	ln.sent = nil
}
