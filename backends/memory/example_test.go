package memory_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

func Example() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()

	created, err := st.Create(ctx, kv.Record{Key: "config/level", Value: kv.Value("info")})
	if err != nil {
		log.Fatal(err)
	}
	go func() { // usually another process
		_, _ = st.CasByVersion(ctx, kv.Record{Key: "config/level", Value: kv.Value("debug"), Version: created})
	}()
	now, err := st.WaitForVersionChange(ctx, "config/level", created)
	fmt.Printf("%s %v %v\n", now.Value, now.Version > created, err)

	_, err = st.Get(ctx, "config/none")
	fmt.Println(errors.Is(err, kv.ErrNotFound), err)
	// Output:
	// debug true <nil>
	// true get "config/none": not found
}

// Each handle is like a process of its own: what one holds dies with that one's lease, and with no other's.
func ExampleStorage_Connect() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	other := st.Connect()
	defer other.Close()

	lease, err := other.Lessor().NewLease(ctx, time.Minute, true)
	if err != nil {
		log.Fatal(err)
	}
	v, err := other.Create(ctx, kv.Record{Key: "seat", Lease: lease.Id()})
	if err != nil {
		log.Fatal(err)
	}
	if err := lease.Release(); err != nil {
		log.Fatal(err)
	}
	gone, err := st.WaitForVersionChange(ctx, "seat", v)
	fmt.Println(gone.Key == "", errors.Is(err, kv.ErrNotFound))
	// Output: true true
}

// A handle that is cut off is what a process behind a broken network is. Its lock goes to the next one when its lease is over, and
// it knows before that.
func ExampleStorage_SetConnected() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	wire := st.Connect()
	defer wire.Close()
	here := session.New(wire, &session.Options{TTL: 300 * time.Millisecond})
	defer here.Close(ctx)
	there := session.New(st, nil)
	defer there.Close(ctx)

	mine, err := mutex.New(here, "deploy", nil).Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	wire.SetConnected(false)
	next, err := mutex.New(there, "deploy", nil).Lock(ctx) // after 300 ms
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("the first one knows:", errors.Is(mine.Err(), mutex.ErrLost))
	fmt.Println("the next one's token is higher:", next.Token() > mine.Token())
	wire.SetConnected(true)
	// Output:
	// the first one knows: true
	// the next one's token is higher: true
}
