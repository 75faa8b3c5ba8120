package httplb_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/httplb"
	"github.com/coordkit/coord/primitives/registry/pick"
)

func Example() {
	ctx := context.Background()
	st := memory.New(nil) // on etcd: etcd.Open([]string{"http://localhost:2379"}, nil)
	defer st.Close()
	r := registry.New(st, nil)
	defer r.Close(ctx)

	// The service, which is usually another process.
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		fmt.Fprintf(w, "%s%s", req.Host, req.URL.Path)
	}))
	defer srv.Close()
	_, err := r.Register(ctx, registry.Instance{
		Service: "orders", Endpoints: []registry.Endpoint{{Name: "http", Address: srv.Listener.Addr().String()}},
	})
	if err != nil {
		log.Fatal(err)
	}

	// Its client.
	lb := httplb.New(r, nil)
	defer lb.Close()
	client := &http.Client{Transport: lb}
	resp, err := client.Get("http://orders/v1/items")
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(string(body))

	_, err = client.Get("http://items/")
	fmt.Println(err)
	// Output:
	// orders/v1/items
	// Get "http://items/": no instance of service "items" takes requests: none is registered
}

// Pickers of package pick are plugged in as they are.
func ExampleOptions_pick() {
	r := registry.New(memory.New(nil), nil)
	lb := httplb.New(r, &httplb.Options{
		NewPick: func(string) httplb.Pick {
			p2c := pick.NewP2C(nil)
			return func(s *registry.Snapshot) (*registry.Instance, func(error), error) {
				p, err := p2c.Pick(s)
				return p.Instance, p.Done, err
			}
		},
	})
	defer lb.Close()
}

// A request for which there is nobody fails at once, and says why.
func ExampleNoneError() {
	ctx := context.Background()
	st := memory.New(nil)
	defer st.Close()
	r := registry.New(st, nil)
	defer r.Close(ctx)
	lb := httplb.New(r, nil)
	defer lb.Close()

	_, err := (&http.Client{Transport: lb}).Get("http://orders/")
	var none *httplb.NoneError
	if errors.As(err, &none) {
		fmt.Println(none.Service, none.Registered, none.Health)
	}
	// Output: orders 0 live
}
