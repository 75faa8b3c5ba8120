package otelcoord_test

import (
	"context"
	"fmt"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/observe/otelcoord"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/session"
)

func Example() {
	st := memory.New(nil)
	defer st.Close()
	err := connect(st, func(s *session.Session, _ *registry.Registry) error {
		ctx := context.Background()
		defer s.Close(ctx)
		return mutex.New(s, "nightly-report", nil).Do(ctx, func(context.Context, *mutex.Held) error {
			fmt.Println("measured and traced by the global providers, if there are any")
			return nil
		})
	})
	fmt.Println(err)
	// Output:
	// measured and traced by the global providers, if there are any
	// <nil>
}

func connect(store kv.Storage, use func(*session.Session, *registry.Registry) error) error {
	o, err := otelcoord.New(nil) // the global providers
	if err != nil {
		return err
	}
	st := o.Storage(store)
	s := session.New(st, o.Session(nil))
	r := registry.New(st, o.Registry(nil))
	return use(s, r)
}

// Elections are few and have names of the program's own, so their metrics may tell them apart; locks are named after requests here, and may
// not.
func ExampleOptions() {
	o, err := otelcoord.New(&otelcoord.Options{Name: func(primitive, name string) string {
		if primitive == "election" {
			return name
		}
		return ""
	}})
	fmt.Println(o != nil, err)
	// Output: true <nil>
}
