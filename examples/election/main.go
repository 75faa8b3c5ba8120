// Command election shows a leader that dies and one that stops: three workers stand for election, each with a session of its own.
//
//	go run ./examples/election
//
// runs it on memory, in this process alone. A worker is killed by closing its way to the store: it renews its lease no more and releases
// nothing, which is all that the store sees of a SIGKILL. Unlike a dead one it can be seen to stop before the next one leads. With COORD_ENDPOINTS set it runs on that etcd:
//
//	COORD_ENDPOINTS=http://localhost:2379 go run ./examples/election
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/coordkit/coord/backends/etcd"
	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/session"
)

const (
	name = "examples/election"
	ttl  = 3 * time.Second // how long a dead leader leads on
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

// storage is a way to the store, which is closed by who opened it.
type storage interface {
	kv.Storage
	Close() error
}

// opener returns what opens a way to the store for each process.
func opener() func() (storage, error) {
	if os.Getenv("COORD_ENDPOINTS") == "" && os.Getenv("ETCDCTL_ENDPOINTS") == "" {
		store := memory.New(nil)
		return func() (storage, error) { return store.Connect(), nil }
	}
	return func() (storage, error) { return etcd.OpenEnv(nil) }
}

// worker is what would be a process.
type worker struct {
	st   storage
	stop context.CancelFunc // ends it in an orderly way, as SIGTERM would
	done chan error
}

func run(ctx context.Context) (err error) {
	open := opener()
	observer, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, observer.Close()) }()

	workers := map[string]*worker{}
	defer func() {
		for _, w := range workers {
			w.stop()
			err = errors.Join(err, <-w.done, w.st.Close())
		}
	}()
	for _, id := range []string{"one", "two", "three"} {
		w, err := start(ctx, open, id)
		if err != nil {
			return err
		}
		workers[id] = w
	}
	over := time.Now() // for the last leader
	for leader, err := range election.Observe(ctx, observer, name) {
		switch {
		case err != nil:
			return err
		case leader.Vacant:
			continue
		}
		fmt.Printf("term %d: %s leads, after %v\n", leader.Number, leader.ID, time.Since(over).Round(time.Millisecond))
		over = time.Now()
		switch len(workers) {
		case 3:
			fmt.Printf("kill %s: its lease keeps the others away for up to %v, and it stops before\n", leader.ID, ttl)
			err = workers[leader.ID].st.Close()
		case 2:
			fmt.Printf("stop %s: it hands over at once\n", leader.ID)
			workers[leader.ID].stop()
			err = <-workers[leader.ID].done
		default:
			return nil
		}
		if err != nil {
			return err
		}
		delete(workers, leader.ID)
	}
	return nil
}

// start starts a worker, which stands for election until it is stopped.
func start(ctx context.Context, open func() (storage, error), id string) (*worker, error) {
	st, err := open()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	w := &worker{st: st, stop: stop, done: make(chan error, 1)}
	go func() { w.done <- w.work(ctx, id) }()
	return w, nil
}

func (w *worker) work(ctx context.Context, id string) (err error) {
	s := session.New(w.st, &session.Options{TTL: ttl})
	defer func() { err = errors.Join(err, s.Close(ctx)) }()

	err = election.New(s, name, &election.Options{ID: id}).Run(ctx, func(ctx context.Context, t *election.Term) error {
		for ctx.Err() == nil { // a loss ends it, and so does stop
			select {
			case <-time.After(time.Second):
				fmt.Printf("  %s works, under token %d\n", id, t.Token())
			case <-ctx.Done():
			}
		}
		return nil
	})
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
