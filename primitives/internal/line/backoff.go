package line

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff spaces repetitions: from 20 ms doubling to 2 s, each jittered by half, because whoever lost the same store at the
// same moment would come back at the same moment.
type backoff struct{ next time.Duration }

func newBackoff() *backoff { return &backoff{20 * time.Millisecond} }

// sleep waits for the next try, or returns ctx.Err() if ctx ends first.
func (b *backoff) sleep(ctx context.Context) error {
	timer := time.NewTimer(b.next/2 + rand.N(b.next/2))
	defer timer.Stop()
	b.next = min(2*b.next, 2*time.Second)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
