// Package rollover shows one piece of work under a lock of etcd's concurrency package, under a lock of coord, and under both, which is how
// a program gets from the one to the other without a moment in which two are at work.
package rollover

import (
	"context"
	"errors"
	"fmt"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// Work is what only one may do at a time.
type Work func(ctx context.Context, token kv.Version) error

// Before runs work as it was.
func Before(ctx context.Context, client *clientv3.Client, work Work) error {
	s, err := concurrency.NewSession(client, concurrency.WithTTL(15))
	if err != nil {
		return err
	}
	defer s.Close()
	m := concurrency.NewMutex(s, "/locks/report")
	if err := m.Lock(ctx); err != nil {
		return err
	}
	defer m.Unlock(context.WithoutCancel(ctx))
	return work(ctx, kv.Version(m.Header().Revision))
}

// After runs work as it will be. The session is the process's.
func After(ctx context.Context, s *session.Session, work Work) error {
	return mutex.New(s, "report", nil).Do(ctx, func(ctx context.Context, h *mutex.Held) error {
		return work(ctx, h.Token())
	})
}

// Both runs work under both locks, the old one first, as everybody does.
func Both(ctx context.Context, client *clientv3.Client, s *session.Session, work Work) (err error) {
	old, err := concurrency.NewSession(client, concurrency.WithTTL(15))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, old.Close()) }() // gives the old lock back, last
	if err := concurrency.NewMutex(old, "/locks/report").Lock(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel(nil)
	watch.Go(func() {
		select {
		case <-old.Done():
			cancel(fmt.Errorf("the old lock: %w", session.ErrLost))
		case <-ctx.Done():
		}
	})
	return After(ctx, s, work)
}
