// Package again spaces the repetitions of what has failed.
package again

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"time"
)

// What a Backoff goes from and to unless there is a reason for other times.
const (
	First = 20 * time.Millisecond
	Most  = 2 * time.Second
)

// Backoff says how long to wait before the next try: a time that doubles with each up to the most, jittered by half, because
// whoever lost the same store at the same moment would come back at the same moment. The zero value is of no use; one goroutine
// uses it.
type Backoff struct{ first, most, next time.Duration }

// New returns a backoff from first to most.
func New(first, most time.Duration) *Backoff { return &Backoff{first, max(first, most), first} }

// Next returns how long to wait, and then more the next time.
func (b *Backoff) Next() time.Duration {
	d := b.next/2 + UpTo(b.next/2)
	b.next = min(2*b.next, b.most)
	return d
}

// Reset begins anew, after a success.
func (b *Backoff) Reset() { b.next = b.first }

// Wait waits for the next try, or returns ctx.Err() if ctx ends first.
func (b *Backoff) Wait(ctx context.Context) error { return Pause(ctx, b.Next()) }

// Lasted resets the backoff if the last try has gone well for longer than the wait after it would be.
func (b *Backoff) Lasted(d time.Duration) {
	if d > b.next {
		b.Reset()
	}
}

// Pause waits for d, or returns ctx.Err() if ctx ends first, or has.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// UpTo returns a random time from zero to below d; zero if d is not positive.
//
// All that these packages leave to chance they take from crypto/rand, for a test can seed that one (testing/cryptotest), and so replay
// a run. It is asked when something has failed, which is seldom.
func UpTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return time.Duration(binary.LittleEndian.Uint64(b[:]) % uint64(d))
}
