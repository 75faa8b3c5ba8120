//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/cmd/coord/internal/child"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// waitNoticeAfter is how long a wait lasts before it is spoken of.
const waitNoticeAfter = 300 * time.Millisecond

// acquire gets the lock within the time that was given for it. Not acquired is only what the store has said; a store that does not
// answer is unavailable, however long one would wait.
func (o *runOptions) acquire(ctx context.Context, st kv.Storage, s *session.Session) (*mutex.Held, error) {
	ready, cancel := context.WithTimeout(ctx, answerWithin)
	err := s.Ready(ready)
	cancel()
	if err != nil {
		return nil, o.unavailable(ctx, err)
	}
	m := mutex.New(s, o.lock, &mutex.Options{Note: o.note})
	if o.wait == 0 {
		try, cancel := context.WithTimeout(ctx, answerWithin)
		defer cancel()
		held, err := m.TryLock(try)
		return held, o.refused(ctx, err)
	}
	if !o.app.quiet {
		defer time.AfterFunc(waitNoticeAfter, func() { o.tellQueue(ctx, st) }).Stop()
	}
	if o.wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.wait)
		defer cancel()
	}
	held, err := m.Lock(ctx)
	return held, o.refused(ctx, err)
}

// refused gives the failure to get the lock its words and its exit code.
func (o *runOptions) refused(ctx context.Context, err error) error {
	var locked *mutex.LockedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &locked) && !errors.Is(err, context.Canceled):
		return exit(o.conflict, o.notAcquired(locked))
	case errors.Is(err, mutex.ErrLost):
		return exit(exitLost, err)
	}
	return o.unavailable(ctx, err)
}

func (o *runOptions) notAcquired(e *mutex.LockedError) error {
	within := ""
	if o.wait > 0 {
		within = fmt.Sprintf(" within %v", o.wait)
	}
	if e.Holder.Key == "" {
		return fmt.Errorf("lock %q not acquired%s: %d ahead", o.lock, within, e.Ahead)
	}
	return fmt.Errorf("lock %q not acquired%s: held by %s", o.lock, within, e.Holder)
}

func (o *runOptions) unavailable(ctx context.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return exit(exitUnavailable, fmt.Errorf("the store did not answer within %v: %w", answerWithin, err))
	}
	return err
}

// tellQueue says on one line what is being waited for.
func (o *runOptions) tellQueue(ctx context.Context, st kv.Storage) {
	info, err := mutex.Inspect(ctx, st, o.lock)
	if err != nil || len(info.Holders) == 0 {
		return // it is about to be had, or there is nothing to say
	}
	h := info.Holders[0]
	note := ""
	if h.Note != "" {
		note = fmt.Sprintf(", %q", h.Note)
	}
	o.app.say("coord: waiting for lock %q: held by %s%s since %s, %d waiting\n",
		o.lock, h, note, h.Since.Local().Format(time.DateTime), len(info.Queue))
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
