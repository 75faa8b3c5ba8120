package semaphore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"
	"sync/atomic"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/primitives/semaphore"
	"github.com/coordkit/coord/primitives/session"
)

func Example() {
	ctx := context.Background()
	st := memory.New(nil) // on etcd: etcd.Open([]string{"http://localhost:2379"}, nil)
	defer st.Close()
	s := session.New(st, nil)
	defer s.Close(ctx)

	exports := semaphore.New(s, "exports", 2, nil) // two at a time, on all hosts together
	var workers sync.WaitGroup
	var done atomic.Int64
	for range 5 {
		workers.Go(func() {
			err := exports.Do(ctx, 1, func(ctx context.Context, p *semaphore.Permit) error {
				done.Add(1) // the work, which ends with ctx
				return ctx.Err()
			})
			if err != nil {
				log.Print(err)
			}
		})
	}
	workers.Wait()
	fmt.Println(done.Load(), "exports")
	// Output: 5 exports
}

func ExampleSemaphore_TryAcquire() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	s := session.New(st, nil)
	defer s.Close(ctx)

	gpu := semaphore.New(s, "gpu-memory", 80, nil)
	p, err := gpu.Acquire(ctx, 60)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Release(ctx)

	_, err = gpu.TryAcquire(ctx, 40)
	var full *semaphore.FullError
	if errors.As(err, &full) {
		fmt.Printf("%d wanted, %d of %d free\n", full.Weight, full.Free(), full.Before.Limit)
	}
	// Output: 40 wanted, 20 of 80 free
}

func ExampleSemaphore_SetLimit() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	s := session.New(st, nil)
	defer s.Close(ctx)

	// What the programs use goes by the stored limit, whatever it is.
	exports := semaphore.New(s, "exports", 2, &semaphore.Options{Follow: true})
	p, err := exports.Acquire(ctx, 2)
	if err != nil {
		log.Fatal(err)
	}
	defer p.Release(ctx)

	// And an operator changes it.
	if err := semaphore.New(s, "exports", 2, nil).SetLimit(ctx, 3); err != nil {
		log.Fatal(err)
	}
	q, err := exports.Acquire(ctx, 1)
	if err != nil {
		log.Fatal(err)
	}
	defer q.Release(ctx)

	info, err := semaphore.Inspect(ctx, st, "exports")
	fmt.Println(info.Used, "of", info.Limit, "in use", err)
	// Output: 3 of 3 in use <nil>
}

// Two versions of a program that disagree on how much there is are told.
func ExampleLimitError() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	s := session.New(st, nil)
	defer s.Close(ctx)
	if _, err := semaphore.New(s, "exports", 2, nil).Acquire(ctx, 1); err != nil {
		log.Fatal(err)
	}

	_, err := semaphore.New(s, "exports", 3, nil).Acquire(ctx, 1)
	var limit *semaphore.LimitError
	if errors.As(err, &limit) {
		fmt.Println("here", limit.Want, "stored", limit.Have)
	}
	// Output: here 3 stored 2
}

// An operator sees who has how much.
func ExampleInspect() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	s := session.New(st, &session.Options{Owner: session.Owner{Name: "worker-1"}})
	defer s.Close(ctx)
	if _, err := semaphore.New(s, "gpu-memory", 80, nil).Acquire(ctx, 60); err != nil {
		log.Fatal(err)
	}

	info, err := semaphore.Inspect(ctx, st, "gpu-memory")
	if err != nil {
		log.Fatal(err)
	}
	var holder semaphore.Entry = info.Holders[0]
	fmt.Println(holder.Owner.Name, "has", holder.Weight, "of", info.Limit)
	// Output: worker-1 has 60 of 80
}
