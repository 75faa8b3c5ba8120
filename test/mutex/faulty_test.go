package mutex

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coordkit/coord/kv"
)

// faulty is a process's way to the store that loses requests, loses answers, and lets writes land late. It is seeded, and in a bubble
// it does the same each time up to the order in which goroutines come.
type faulty struct {
	kv.Storage
	mu   sync.Mutex
	rand *rand.Rand
	rate float64 // of calls that go wrong
}

func newFaulty(st kv.Storage, seed uint64, rate float64) *faulty {
	return &faulty{Storage: st, rand: rand.New(rand.NewPCG(seed, 1)), rate: rate}
}

// heal ends the faults; what is on its way lands within lateAtMost.
func (f *faulty) heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rate = 0
}

const lateAtMost = 4 * time.Second

// As lets the capability to append through, with the same faults; any other is hidden.
func (f *faulty) As(target any) bool {
	a, ok := target.(*kv.Appender)
	if !ok {
		return false
	}
	if _, has := kv.As[kv.Appender](f.Storage); !has {
		return false
	}
	*a = appender{f}
	return true
}

// dice decides a call's fate and how long it takes on the way.
func (f *faulty) dice() (fate int, delay time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delay = time.Duration(f.rand.IntN(3000)) * time.Microsecond
	if f.rand.Float64() >= f.rate {
		return good, delay
	}
	return 1 + f.rand.IntN(4), delay
}

const (
	good = iota
	refused
	requestLost
	answerLost
	landsLate
)

// write does a write, or something that looks like it to the caller.
func (f *faulty) write(ctx context.Context, op string, key kv.Key, do func(context.Context) error) error {
	fate, delay := f.dice()
	pause(ctx, delay)
	uncertain := func(why string) error {
		return &kv.OpError{Op: op, Key: key, Err: fmt.Errorf("%w: %s", kv.ErrUncertain, why)}
	}
	switch fate {
	case refused:
		return &kv.OpError{Op: op, Key: key, Err: kv.ErrUnavailable}
	case requestLost:
		return uncertain("request lost")
	case answerLost:
		_ = do(context.WithoutCancel(ctx))
		return uncertain("answer lost")
	case landsLate:
		go func() {
			time.Sleep(delay * 1000)
			_ = do(context.Background())
		}()
		return uncertain("on its way")
	}
	return do(ctx)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

func (f *faulty) Create(ctx context.Context, r kv.Record) (v kv.Version, err error) {
	var got atomic.Int64 // a late write must not touch what was returned
	err = f.write(ctx, "create", r.Key, func(ctx context.Context) error {
		v, err := f.Storage.Create(ctx, r)
		got.Store(int64(v))
		return err
	})
	return kv.Version(got.Load()), err
}

func (f *faulty) Delete(ctx context.Context, key kv.Key) error {
	return f.write(ctx, "delete", key, func(ctx context.Context) error { return f.Storage.Delete(ctx, key) })
}

func (f *faulty) GetRange(ctx context.Context, start, end kv.Key) (kv.Records, error) {
	fate, delay := f.dice()
	pause(ctx, delay)
	if fate == refused {
		return nil, &kv.OpError{Op: "get range", Key: start, Err: kv.ErrUnavailable}
	}
	return f.Storage.GetRange(ctx, start, end)
}

type appender struct{ *faulty }

func (a appender) Append(ctx context.Context, r kv.Record, start, end kv.Key) (kv.Version, kv.Record, int, error) {
	type answer struct {
		v     kv.Version
		prev  kv.Record
		ahead int
	}
	var mu sync.Mutex // a late write must not touch what was returned
	var got answer
	under, _ := kv.As[kv.Appender](a.Storage)
	err := a.write(ctx, "append", r.Key, func(ctx context.Context) error {
		v, prev, ahead, err := under.Append(ctx, r, start, end)
		mu.Lock()
		defer mu.Unlock()
		got = answer{v, prev, ahead}
		return err
	})
	mu.Lock()
	defer mu.Unlock()
	return got.v, got.prev, got.ahead, err
}
