// Command scheduler runs a job every second on one of however many processes run it: on the one that leads.
//
//	go run ./examples/scheduler
//
// runs it on memory, where it is alone. With COORD_ENDPOINTS set it runs on that etcd. Start it in two terminals and end the one that
// leads, with ^C or with kill -9: the other one leads, at once or when the lease is over.
//
//	COORD_ENDPOINTS=http://localhost:2379 go run ./examples/scheduler
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
	every = time.Second
	takes = 300 * time.Millisecond // the job
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

// run ends in this order, whatever ends it: no more jobs are begun, the one under way is finished, the leadership is given back, then
// the lease, then the way to the store. Any other order leaves the others waiting for a lease, or a job without leadership.
func run(ctx context.Context) (err error) {
	st, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	s := session.New(st, nil)
	defer func() { err = errors.Join(err, s.Close(ctx)) }() // ctx may be over: Close allows for that

	fmt.Println("standing for election")
	err = election.New(s, "examples/scheduler", nil).Run(ctx, schedule)
	if errors.Is(err, context.Canceled) {
		fmt.Println("resigned")
		return nil
	}
	return err
}

// schedule is run while this process leads.
func schedule(ctx context.Context, t *election.Term) error {
	fmt.Printf("leads, term %d\n", t.Number())
	// A signal ends ctx, and with it the schedule. The job under way has a ctx that only the loss of the term ends: then another
	// process will lead soon, and to stop is all that is left.
	leading := t.Context(context.WithoutCancel(ctx))
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := 1; ; n++ {
		if err := job(leading, n, t.Token()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil // Run resigns; after a loss it stands again
		case <-tick.C:
		}
	}
}

// job stands for the work. What it writes goes with the token, so that the place where it is written can refuse it when it comes late.
func job(ctx context.Context, n int, token kv.Version) error {
	fmt.Printf("job %d begins, under token %d\n", n, token)
	select {
	case <-time.After(takes):
		fmt.Printf("job %d is done\n", n)
	case <-ctx.Done():
		fmt.Printf("job %d is given up: %v\n", n, context.Cause(ctx))
	}
	return nil
}
