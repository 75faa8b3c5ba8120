package registry_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"time"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/session"
)

func Example() {
	ctx := context.Background()
	st := memory.New(nil) // on etcd: etcd.Open([]string{"http://localhost:2379"}, nil)
	defer st.Close()
	r := registry.New(st, nil)
	defer r.Close(ctx)

	reg, err := r.Register(ctx, registry.Instance{
		Service: "orders", ID: "orders-1", Zone: "a",
		Endpoints: []registry.Endpoint{{Name: "http", Address: "10.0.0.7:8080"}},
	})
	if err != nil {
		log.Fatal(err)
	}

	view := r.View("orders") // usually in another process
	defer view.Close()
	now, err := view.WaitFor(ctx, 1, registry.ServingOnly)
	if err != nil {
		log.Fatal(err)
	}
	http, _ := now.Instances[0].Endpoint("http")
	fmt.Println(now.Instances[0].ID, http.Address)

	if err := reg.Close(ctx); err != nil {
		log.Fatal(err)
	}
	now, err = view.Next(ctx, now.Gen)
	fmt.Println(len(now.Instances), now.Health, err)
	// Output:
	// orders-1 10.0.0.7:8080
	// 0 live <nil>
}

// A service that comes and goes without a call that fails: it is registered once it listens, and goes on serving until its clients
// have turned to others.
func ExampleRegistration_Drain() {
	st := memory.New(nil)
	defer st.Close()
	sigterm, stop := context.WithCancel(context.Background()) // in a program: signal.NotifyContext
	stop()

	err := serve(sigterm, st, func(net.Listener) (shutdown func()) { return func() { fmt.Println("shut down") } })
	fmt.Println(err)
	// Output:
	// shut down
	// <nil>
}

func serve(sigterm context.Context, st kv.Storage, start func(net.Listener) (shutdown func())) error {
	r := registry.New(st, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address, err := registry.Advertise(l.Addr())
	if err != nil {
		return err
	}
	shutdown := start(l)
	reg, err := r.Register(context.WithoutCancel(sigterm), registry.Instance{
		Service: "orders", Endpoints: []registry.Endpoint{{Name: "http", Address: address}},
	})
	if err != nil {
		return err
	}

	<-sigterm.Done()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := reg.Drain(ctx, 100*time.Millisecond); err != nil { // new work goes elsewhere from now on
		log.Print(err)
	}
	shutdown() // what is under way is finished
	return r.Close(ctx)
}

// Views tell the state, and a difference is computed from two of them, so that a slow reader misses nothing that matters.
func ExampleRegistry_Watch() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	r := registry.New(st, nil)
	defer r.Close(ctx)
	for _, id := range []string{"orders-1", "orders-2"} {
		if _, err := r.Register(ctx, registry.Instance{Service: "orders", ID: id}); err != nil {
			log.Fatal(err)
		}
	}

	var before *registry.Snapshot
	for now, err := range r.Watch(ctx, "orders") {
		if err != nil {
			log.Fatal(err)
		}
		for _, i := range now.Diff(before).Added {
			fmt.Println(i.ID, "is", i.Status)
		}
		before = now
		if now.Count() == 2 {
			break
		}
	}
	// Output:
	// orders-1 is serving
	// orders-2 is serving
}

func ExamplePayload() {
	type shards struct{ From, To int }
	i := registry.Instance{Service: "orders"}
	if err := registry.SetPayload(&i, shards{From: 0, To: 63}); err != nil {
		log.Fatal(err)
	}
	s, err := registry.Payload[shards](&i)
	fmt.Println(s.To, err)
	// Output: 63 <nil>
}

// An instance finds out by itself whether it can work.
func ExampleCheck() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	r := registry.New(st, &registry.Options{Check: &registry.Check{
		Every: 5 * time.Millisecond, Fall: 1,
		Run: func(context.Context, registry.Instance) error { return errors.New("the database is away") },
	}})
	defer r.Close(ctx)
	reg, err := r.Register(ctx, registry.Instance{Service: "orders", Status: registry.Starting})
	if err != nil {
		log.Fatal(err)
	}

	for state := range reg.States(ctx) { // now, and after each change
		if state.Status == registry.NotServing {
			fmt.Println("not serving:", state.Err)
			break
		}
	}
	// Output: not serving: the database is away
}

// State tells how a registration stands; it is for a readiness probe.
func ExampleState() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	r := registry.New(st, nil)
	reg, err := r.Register(ctx, registry.Instance{Service: "orders"})
	if err != nil {
		log.Fatal(err)
	}

	var state registry.State = reg.State()
	fmt.Println(state.Phase == registry.Registered, state.Status)
	if err := reg.Close(ctx); err != nil {
		log.Fatal(err)
	}
	var phase registry.Phase = reg.State().Phase
	fmt.Println(phase, r.Close(ctx))
	// Output:
	// true serving
	// closed <nil>
}

// An ID that outlives its process, as that of a pod in a stateful set, is in the way of the next one until its lease is over.
func ExampleDuplicateError() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	var policy registry.DuplicatePolicy = registry.Fail // the default; WaitExpiry is for such IDs
	for _, owner := range []string{"first", "second"} {
		r := registry.New(st, &registry.Options{OnDuplicate: policy, Owner: session.Owner{Name: owner}})
		defer r.Close(ctx)
		_, err := r.Register(ctx, registry.Instance{Service: "orders", ID: "orders-0"})
		var duplicate *registry.DuplicateError
		fmt.Println(owner, err == nil)
		if errors.As(err, &duplicate) {
			fmt.Println("it is registered by", duplicate.Holder.Owner.Name)
		}
	}
	// Output:
	// first true
	// second false
	// it is registered by first
}

// Filters are functions, so there can be any.
func ExampleFilter() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	r := registry.New(st, nil)
	defer r.Close(ctx)
	for id, weight := range map[string]int{"small": 10, "large": 400} {
		if _, err := r.Register(ctx, registry.Instance{Service: "orders", ID: id, Weight: weight}); err != nil {
			log.Fatal(err)
		}
	}
	var large registry.Filter = func(i *registry.Instance) bool { return i.Weight > 100 }
	found, err := r.Lookup(ctx, "orders", registry.ServingOnly, large)
	if err != nil {
		log.Fatal(err)
	}
	for _, i := range found {
		fmt.Println(i.ID)
	}
	// Output: large
}

// A record that cannot be read is left out, counted and shown, and hides no other.
func ExampleRecordError() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	r := registry.New(st, nil)
	defer r.Close(ctx)
	if _, err := r.Register(ctx, registry.Instance{Service: "orders", ID: "good"}); err != nil {
		log.Fatal(err)
	}
	if _, err := st.Create(ctx, kv.Record{Key: "coord/registry/orders/i/bad", Value: kv.Value("?")}); err != nil {
		log.Fatal(err)
	}

	orders, err := r.Inspect(ctx, "orders")
	if err != nil {
		log.Fatal(err)
	}
	var bad *registry.RecordError = orders.Bad[0]
	fmt.Println(orders.Count(), bad.Key)
	// Output: 1 coord/registry/orders/i/bad
}
