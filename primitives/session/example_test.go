package session_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// A process has one session, and everything that it holds is under its one lease.
func Example() {
	ctx := context.Background()
	st := memory.New(nil) // on etcd: etcd.Open([]string{"http://localhost:2379"}, nil)
	defer st.Close()
	s := session.New(st, &session.Options{TTL: 10 * time.Second, Owner: session.Owner{Name: "billing-1"}})

	for _, name := range []string{"invoices", "reports"} {
		if _, err := mutex.New(s, name, nil).Lock(ctx); err != nil {
			log.Fatal(err)
		}
	}
	locks, err := mutex.List(ctx, st)
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range locks {
		fmt.Println(l.Name, "is held by", l.Holders[0].Owner.Name)
	}

	fmt.Println("Close:", s.Close(ctx)) // gives both back, in one step
	locks, err = mutex.List(ctx, st)
	fmt.Println(len(locks), "locks", err)
	// Output:
	// invoices is held by billing-1
	// reports is held by billing-1
	// Close: <nil>
	// 0 locks <nil>
}

// Ready is a readiness probe: it is nil when the store has granted a lease.
func ExampleSession_Ready() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	s := session.New(st, nil)
	fmt.Println("lease:", s.LeaseID() != 0)
	fmt.Println("Ready:", s.Ready(ctx))
	fmt.Println("lease:", s.LeaseID() != 0)
	_ = s.Close(ctx)

	// An option out of bounds is an error of each use, not of New.
	err := session.New(st, &session.Options{TTL: time.Second, Margin: time.Minute}).Ready(ctx)
	fmt.Println(err != nil)
	// Output:
	// lease: false
	// Ready: <nil>
	// lease: true
	// true
}

// What is held ends a context. Work that is bound by it stops when the lock is lost.
func ExampleHold_Context() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	wire := st.Connect() // as the network of this process
	defer wire.Close()
	s := session.New(wire, &session.Options{TTL: 300 * time.Millisecond})
	defer s.Close(ctx)

	held, err := mutex.New(s, "deploy", nil).Lock(ctx)
	if err != nil {
		log.Fatal(err)
	}
	var hold *session.Hold = held.Hold // every handle has one
	work := hold.Context(ctx)
	fmt.Println(hold.Err(), hold.ValidFor() > 200*time.Millisecond)

	wire.SetConnected(false)
	<-work.Done()
	fmt.Println(errors.Is(context.Cause(work), session.ErrLost))
	fmt.Println("time to stop in:", hold.ValidFor() > 0)
	wire.SetConnected(true)
	// Output:
	// <nil> true
	// true
	// time to stop in: true
}

// One function hears of all that happens to a session and to what is held under it.
func ExampleEvent() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	s := session.New(st, &session.Options{OnEvent: func(e session.Event) {
		var kind session.EventKind = e.Kind // a string, of few: fit for a label
		switch kind {
		case session.LeaseGranted:
			fmt.Println(kind)
		case session.Acquired, session.Released, session.Lost: // Took is how long it was waited for, or held
			fmt.Println(kind, e.Primitive, e.Name)
		}
	}})
	defer s.Close(ctx)

	err := mutex.New(s, "deploy", nil).Do(ctx, func(context.Context, *mutex.Held) error { return nil })
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// lease granted
	// acquired mutex deploy
	// released mutex deploy
}
