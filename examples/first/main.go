// Command first is the first program of README.md.
package main

import (
	"context"
	"fmt"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

func main() {
	ctx, st := context.Background(), memory.New(nil)
	defer st.Close()
	s := session.New(st, nil)
	defer s.Close(ctx)
	err := mutex.New(s, "nightly-report", nil).Do(ctx, func(ctx context.Context, h *mutex.Held) error {
		fmt.Println("I hold it, under token", h.Token())
		return ctx.Err() // ctx ends if the lock is lost
	})
	fmt.Println("done:", err)
}
