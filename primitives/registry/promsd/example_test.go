package promsd_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/registry/promsd"
)

func Example() {
	ctx := context.Background()
	st := memory.New(nil) // on etcd: etcd.Open([]string{"http://localhost:2379"}, nil)
	defer st.Close()
	r := registry.New(st, nil)
	defer r.Close(ctx)
	_, err := r.Register(ctx, registry.Instance{
		Service: "orders", ID: "orders-0", Zone: "a",
		Endpoints: []registry.Endpoint{{Name: "metrics", Scheme: "http", Address: "10.0.0.7:9100"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	v := r.View("orders")
	defer v.Close()
	if _, err := v.WaitFor(ctx, 1); err != nil { // without it the first answer may be 503
		log.Fatal(err)
	}

	h := promsd.New(r, []string{"orders"}, &promsd.Options{Endpoint: "metrics"})
	defer h.Close()
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/targets", nil)) // as Prometheus does
	fmt.Println(strings.ReplaceAll(answer.Body.String(), ",", ",\n"))
	// Output:
	// [{"targets":["10.0.0.7:9100"],
	// "labels":{"__meta_coord_endpoint":"metrics",
	// "__meta_coord_id":"orders-0",
	// "__meta_coord_scheme":"http",
	// "__meta_coord_service":"orders",
	// "__meta_coord_status":"serving",
	// "__meta_coord_version":"",
	// "__meta_coord_weight":"100",
	// "__meta_coord_zone":"a"}}]
}
