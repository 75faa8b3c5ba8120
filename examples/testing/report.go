// Package testing shows how code that stands on coord is tested: a report that is written under a lock, and its tests.
package testing

import (
	"context"
	"fmt"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// Put stores a line of the report. It refuses tokens lower than the highest that it has seen.
type Put func(token kv.Version, line string) error

// WriteReport writes the report, alone, ten seconds a line.
func WriteReport(ctx context.Context, s *session.Session, put Put) error {
	return mutex.New(s, "report", nil).Do(ctx, func(ctx context.Context, h *mutex.Held) error {
		for n := 1; n <= 3; n++ {
			select {
			case <-time.After(10 * time.Second):
			case <-ctx.Done(): // the lock is lost, or nobody wants the report any more
				return context.Cause(ctx)
			}
			if err := put(h.Token(), fmt.Sprint("line ", n)); err != nil {
				return err
			}
		}
		return nil
	})
}
