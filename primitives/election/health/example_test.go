package health_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/election/health"
	"github.com/coordkit/coord/primitives/session"
)

// A liveness probe: 503 when a leader goes on working though its term is long over, or when it cannot stand for election.
func ExampleHandler() {
	st := memory.New(nil)
	defer st.Close()
	s := session.New(st, nil)
	defer s.Close(context.Background())
	scheduler := election.New(s, "scheduler", nil)

	livez := health.Handler(scheduler, 20*time.Second) // http.Handle("/livez", livez)
	answer := httptest.NewRecorder()
	livez.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/livez", nil))
	fmt.Println(answer.Code)
	// Output: 200
}
