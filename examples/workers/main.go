// Command workers shares the shards of some work out among workers, of which there may be more or fewer than shards, in one process or
// in many.
//
//	go run ./examples/workers
//
// runs four workers on three shards, on memory. With COORD_ENDPOINTS set it runs on that etcd, and each process that is started brings
// four more, which wait for their turn:
//
//	COORD_ENDPOINTS=http://localhost:2379 go run ./examples/workers
//
// A semaphore says how many may work, and a lock on each shard which one is whose. The semaphore alone would not do, for its tokens
// do not fence; the locks alone would not either, for a worker does not know on which of them to wait.
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
	"github.com/coordkit/coord/primitives/session"
)

const (
	shards  = 3
	workers = 4
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

// run ends in this order: the workers take no more work, finish what they have, give back their shards and places; then the lease is
// given back, and then the way to the store is closed.
func run(ctx context.Context) (err error) {
	st, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	s := session.New(st, nil) // one for all workers of the process
	defer func() { err = errors.Join(err, s.Close(ctx)) }()

	var team sync.WaitGroup
	failed := make(chan error, workers)
	for id := range workers {
		team.Go(func() { failed <- newWorker(s, id).work(ctx) })
	}
	team.Wait()
	close(failed)
	for e := range failed {
		err = errors.Join(err, e)
	}
	fmt.Println("all workers have gone")
	return err
}
