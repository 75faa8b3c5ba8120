// Package health shows over HTTP whether a candidate for election is well, for liveness probes. It is a package of its own so that nobody
// else links net/http.
package health

import (
	"net/http"
	"time"

	"github.com/coordkit/coord/primitives/election"
)

// Handler answers 200 and "ok" while [election.Election.Healthy] returns nil for overrun, and else 503 and its error as text.
func Handler(e *election.Election, overrun time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if err := e.Healthy(overrun); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(err.Error() + "\n"))
			return
		}
		_, _ = w.Write([]byte("ok\n"))
	})
}
