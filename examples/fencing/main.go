// Command fencing shows why a lock needs a fencing token, and what the token does: a service that keeps one document takes
// writes over HTTP, each with the token of its writer's lock in a header. One writer is cut off for longer than its lease, does
// not notice, and writes late. The service refuses it.
//
//	go run ./examples/fencing
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/fence"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// tokenHeader carries the token of the writer's lock, a decimal number.
const tokenHeader = "Fencing-Token"

// fenced hands a request on to next only under a token that is not lower than the highest one seen, and so that no request
// under a lower token is in next when one under a higher is. A service that is started anew must give the gate what it had
// seen: see Gate.Highest.
func fenced(gate *fence.Gate, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := strconv.ParseInt(r.Header.Get(tokenHeader), 10, 64)
		if err != nil {
			http.Error(w, tokenHeader+" is missing or no number", http.StatusPreconditionRequired)
			return
		}
		// The body comes first: a sender that stalls must not keep the next holder out.
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		err = gate.Do(r.Context(), kv.Version(token), func(ctx context.Context) error {
			r := r.WithContext(ctx) // ends when a higher token comes
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(w, r)
			return nil
		})
		switch {
		case errors.Is(err, fence.ErrStale):
			http.Error(w, err.Error(), http.StatusPreconditionFailed)
		case errors.Is(err, kv.ErrInvalid):
			http.Error(w, err.Error(), http.StatusBadRequest)
		case err != nil: // the client has gone
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
}

// put writes the document as the holder of the lock that token is of. An answer of 412 is fence.ErrStale.
func put(ctx context.Context, url, body string, token kv.Version) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set(tokenHeader, strconv.FormatInt(int64(token), 10))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusNoContent:
		return nil
	case http.StatusPreconditionFailed:
		return fence.ErrStale
	}
	return fmt.Errorf("put: %s", resp.Status)
}

func run(ctx context.Context) error {
	var gate fence.Gate
	server := httptest.NewServer(fenced(&gate, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // of a buffer
		fmt.Printf("service: the document is %q\n", body)
		w.WriteHeader(http.StatusNoContent)
	})))
	defer server.Close()

	st := memory.New(nil)
	defer st.Close()
	wire := st.Connect() // the first writer's, which will be cut
	defer wire.Close()
	first := session.New(wire, &session.Options{TTL: 300 * time.Millisecond})
	defer first.Close(ctx)
	second := session.New(st, nil)
	defer second.Close(ctx)

	old, err := mutex.New(first, "document", nil).Lock(ctx)
	if err != nil {
		return err
	}
	fmt.Println("first writer:", put(ctx, server.URL, "draft", old.Token()))

	wire.SetConnected(false) // its lease runs out, and it is too busy to look at old.Done()
	next, err := mutex.New(second, "document", nil).Lock(ctx)
	if err != nil {
		return err
	}
	fmt.Println("second writer:", put(ctx, server.URL, "final", next.Token()))
	fmt.Println("first writer, late:", put(ctx, server.URL, "draft, once more", old.Token()))
	wire.SetConnected(true)
	return next.Unlock(ctx)
}
