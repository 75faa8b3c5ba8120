package linear

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
)

// lossy is an honest way to a store: it loses requests and answers, it lets writes land late, and it says that it does not know.
type lossy struct {
	kv.Storage
	dice *rand.Rand
	late *sync.WaitGroup // the writes on their way
}

// write does a write, or something else of which its caller is not told.
func (l *lossy) write(op string, key kv.Key, do func(kv.Storage) error) error {
	lost := &kv.OpError{Op: op, Key: key, Err: fmt.Errorf("%w: lost", kv.ErrUncertain)}
	switch delay := time.Duration(l.dice.IntN(200)) * time.Microsecond; l.dice.IntN(20) {
	case 0:
		return lost
	case 1:
		_ = do(l.Storage)
		return lost
	case 2:
		l.late.Go(func() {
			time.Sleep(delay)
			_ = do(l.Storage)
		})
		return lost
	}
	return do(l.Storage)
}

func (l *lossy) Create(ctx context.Context, r kv.Record) (kv.Version, error) {
	return l.versioned("create", r.Key, func(st kv.Storage) (kv.Version, error) { return st.Create(ctx, r) })
}

func (l *lossy) CasByVersion(ctx context.Context, r kv.Record) (kv.Version, error) {
	return l.versioned("cas", r.Key, func(st kv.Storage) (kv.Version, error) { return st.CasByVersion(ctx, r) })
}

func (l *lossy) versioned(op string, key kv.Key, do func(kv.Storage) (kv.Version, error)) (kv.Version, error) {
	told := make(chan kv.Version, 1) // a late write must not touch what was returned
	err := l.write(op, key, func(st kv.Storage) error {
		v, err := do(st)
		told <- v
		return err
	})
	select {
	case v := <-told:
		return v, err
	default:
		return 0, err
	}
}

func (l *lossy) Delete(ctx context.Context, key kv.Key) error {
	return l.write("delete", key, func(st kv.Storage) error { return st.Delete(ctx, key) })
}
