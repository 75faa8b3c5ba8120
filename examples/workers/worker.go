package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/semaphore"
	"github.com/coordkit/coord/primitives/session"
)

const (
	turn  = 5                      // items of a shard, then somebody else may have it
	takes = 100 * time.Millisecond // an item
)

type worker struct {
	id     int
	places *semaphore.Semaphore
	shards []*mutex.Mutex
}

func newWorker(s *session.Session, id int) *worker {
	w := &worker{id: id, places: semaphore.New(s, "examples/workers", shards, nil)}
	for n := range shards {
		w.shards = append(w.shards, mutex.New(s, fmt.Sprintf("examples/workers/%d", n), nil))
	}
	return w
}

// work takes turns until ctx ends. A loss ends the turn only: with the next one the session gets a new lease.
func (w *worker) work(ctx context.Context) error {
	for ctx.Err() == nil {
		err := w.takeTurn(ctx)
		switch {
		case errors.Is(err, session.ErrLost):
			fmt.Printf("worker %d: %v\n", w.id, err)
		case err != nil && ctx.Err() == nil:
			return err
		}
	}
	return nil
}

func (w *worker) takeTurn(ctx context.Context) (err error) {
	place, err := w.places.Acquire(ctx, 1) // first come, first served, and nobody asks again and again
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, place.Release(ctx)) }()
	n, shard, err := w.shard(ctx)
	if err != nil {
		return err
	}
	// The shard is given back before the place: who gets the place finds a shard that is free.
	defer func() { err = errors.Join(err, shard.Unlock(ctx)) }()

	held := shard.Context(context.WithoutCancel(ctx)) // a signal lets an item be finished, a loss does not
	for range turn {
		if ctx.Err() != nil || held.Err() != nil {
			break
		}
		w.process(held, n, shard.Token())
	}
	return nil
}

// shard finds one that nobody has. With a place there is one; but what is tried may be one that somebody else is just trying.
func (w *worker) shard(ctx context.Context) (int, *mutex.Held, error) {
	for {
		for i := range shards {
			n := (w.id + i) % shards // not all begin at the same one
			held, err := w.shards[n].TryLock(ctx)
			if !errors.Is(err, mutex.ErrLocked) {
				return n, held, err
			}
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return 0, nil, ctx.Err()
		}
	}
}

// process stands for the work. Where its result is written, a token lower than the highest seen is refused.
func (w *worker) process(ctx context.Context, shard int, token kv.Version) {
	select {
	case <-time.After(takes):
		fmt.Printf("worker %d has done an item of shard %d, under token %d\n", w.id, shard, token)
	case <-ctx.Done():
		fmt.Printf("worker %d gives an item up: %v\n", w.id, context.Cause(ctx))
	}
}
