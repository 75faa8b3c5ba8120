// Command discovery shows a service whose instances come, drain and die, while a client that knows only its name goes on
// calling it.
//
//	go run ./examples/discovery
//
// runs it on memory, in this process alone. An instance is killed by cutting its connections and closing its way to the store:
// it says no farewell, which is all that the others see of a SIGKILL. With COORD_ENDPOINTS set it runs on that etcd:
//
//	COORD_ENDPOINTS=http://localhost:2379 go run ./examples/discovery
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
	"github.com/coordkit/coord/primitives/registry"
)

const (
	service = "discovery"
	ttl     = 3 * time.Second // how long a killed instance is still listed
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

func run(ctx context.Context) (err error) {
	open := opener()
	st, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	instances := map[string]*instance{}
	defer func() {
		for _, i := range instances {
			i.kill()
		}
	}()
	for _, id := range []string{"one", "two", "three"} {
		i, err := start(ctx, open, id)
		if err != nil {
			return err
		}
		instances[id] = i
	}
	r := registry.New(st, nil)
	defer func() { err = errors.Join(err, r.Close(ctx)) }()
	calls := call(ctx, r)
	defer calls.end()

	calls.report("three are there")
	fmt.Println("one drains: nothing new is sent to it, and a second later it leaves")
	if err := instances["one"].leave(ctx); err != nil {
		return err
	}
	calls.report("one has left")
	fmt.Printf("two is killed: for up to %v it is still listed, and what is sent to it goes elsewhere\n", ttl)
	instances["two"].kill()
	calls.report("two is dead")
	fmt.Println("four comes")
	four, err := start(ctx, open, "four")
	if err != nil {
		return err
	}
	instances["four"] = four
	calls.report("four is there")
	calls.end()
	fmt.Printf("%d calls, %d failed\n", calls.all, calls.failed)
	if calls.failed > 0 {
		return errors.New("a call has failed")
	}
	return errors.Join(instances["three"].leave(ctx), four.leave(ctx))
}
