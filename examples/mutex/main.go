// Command mutex shows a lock at work: four workers, each a session of its own, add to a counter that only the lock guards.
//
//	go run ./examples/mutex
//
// runs it on memory, in this process alone. With COORD_ENDPOINTS set it runs on that etcd, and two of it at once share the lock:
//
//	COORD_ENDPOINTS=http://localhost:2379 go run ./examples/mutex
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

// storage is a backend, which is closed by who opened it.
type storage interface {
	kv.Storage
	Close() error
}

func open() (storage, error) {
	if os.Getenv("COORD_ENDPOINTS") == "" && os.Getenv("ETCDCTL_ENDPOINTS") == "" {
		return memory.New(nil), nil
	}
	return etcd.OpenEnv(nil)
}

func run(ctx context.Context) (err error) {
	st, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()

	var (
		counter int // guarded by the lock called "counter"
		workers sync.WaitGroup
		failed  = make(chan error, 4)
	)
	for id := range cap(failed) {
		workers.Go(func() {
			failed <- work(ctx, st, func(token kv.Version) {
				counter++
				fmt.Printf("worker %d holds the lock under token %d: counter is %d\n", id, token, counter)
			})
		})
	}
	workers.Wait()
	close(failed)
	for e := range failed {
		err = errors.Join(err, e)
	}
	return err
}

// work runs step three times under the lock. The session is given back on every way out, also on a signal: the ctx of Close may
// be over by then.
func work(ctx context.Context, st kv.Storage, step func(token kv.Version)) (err error) {
	s := session.New(st, nil)
	defer func() { err = errors.Join(err, s.Close(ctx)) }()

	m := mutex.New(s, "counter", &mutex.Options{Note: "examples/mutex"})
	for range 3 {
		err := m.Do(ctx, func(_ context.Context, h *mutex.Held) error {
			step(h.Token())
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
