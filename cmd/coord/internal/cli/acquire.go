//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/cmd/coord/internal/child"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
)

// acquire gets the claim within the time that was given for it. Not acquired is only what the store has said; a store that does not
// answer is unavailable, however long one would wait.
func (j *job) acquire(ctx context.Context, st kv.Storage, s *session.Session) (grant, error) {
	ready, cancel := context.WithTimeout(ctx, answerWithin)
	err := s.Ready(ready)
	cancel()
	if err != nil {
		return nil, unavailable(ctx, err)
	}
	if j.wait == 0 {
		try, cancel := context.WithTimeout(ctx, answerWithin)
		defer cancel()
		g, err := j.claim.try(try, st, s)
		return g, j.refused(ctx, err)
	}
	if !j.app.quiet {
		defer j.showWait(ctx, st, s)()
	}
	if j.wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, j.wait)
		defer cancel()
	}
	g, err := j.claim.await(ctx, st, s)
	return g, j.refused(ctx, err)
}

// refused gives the failure to get the claim its words and its exit code.
func (j *job) refused(ctx context.Context, err error) error {
	var taken *takenError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &taken) && !errors.Is(err, context.Canceled):
		within := ""
		if j.wait > 0 {
			within = fmt.Sprintf(" within %v", j.wait)
		}
		return exit(j.conflict, fmt.Errorf("%s not acquired%s: %w", j.claim.what(), within, taken))
	case errors.Is(err, session.ErrLost):
		return exit(exitLost, err)
	}
	return unavailable(ctx, err)
}

func unavailable(ctx context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return exit(exitUnavailable, fmt.Errorf("the store did not answer within %v: %w", answerWithin, err))
	}
	return err
}

// errSignal is the cause with which a signal ends a wait.
type errSignal struct{ unix.Signal }

func (e errSignal) Error() string { return "ended by " + e.Signal.String() }

// interruptible returns a ctx that the first signal to end ends. After stop, which may be repeated, signals are left in the channel for
// whoever comes next.
func interruptible(ctx context.Context, signals <-chan os.Signal) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case s := <-signals:
				if s, ok := s.(unix.Signal); ok && slices.Contains(child.Ending, s) {
					cancel(errSignal{s})
					return
				}
			case <-quit:
				return
			}
		}
	}()
	return ctx, sync.OnceFunc(func() {
		close(quit)
		<-done
	})
}

// interrupted returns err, or the code of the signal that has ended ctx.
func interrupted(ctx context.Context, err error) error {
	var s errSignal
	if errors.As(context.Cause(ctx), &s) {
		return exit(128+int(s.Signal), nil)
	}
	return err
}
