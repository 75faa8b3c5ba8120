//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/cmd/coord/internal/child"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
)

// work is a job under way.
type work struct {
	*job
	st      *store
	s       *session.Session
	signals <-chan os.Signal
	path    string

	held  bool // the claim was granted once
	lost  bool // and lost, the last time
	asked bool // a signal that is to end the child was passed on
}

// closeWithin bounds how long the end of coord waits for the store.
const closeWithin = 5 * time.Second

// giveBack gives back everything with one call. After a loss the lease is not worth waiting for: the store may be out of reach.
func (w *work) giveBack(ctx context.Context) {
	bound := closeWithin
	if w.lost {
		bound = 100 * time.Millisecond
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), bound)
	defer cancel()
	err := w.s.Close(ctx)
	switch {
	case !w.held || w.lost:
	case err == nil:
		w.app.verbose("%s given back", w.claim.what())
	default:
		w.app.say("coord: %s is given back when its lease of %v runs out: %v\n", w.claim.what(), w.ttl, err)
	}
}

// rounds runs the program under the claim, once or, to restart, until a signal or an error that will not pass.
func (w *work) rounds(ctx context.Context) error {
	delay := w.delay
	for {
		began := time.Now()
		ran, err := w.round(ctx)
		if !w.restart || w.asked || !ran && !w.passing(err) {
			return err
		}
		if time.Since(began) > lasting {
			delay = w.delay
		}
		what := "the command ended"
		if w.lost || !ran {
			what = err.Error()
		}
		pause := delay/2 + rand.N(delay/2+1)
		if !w.app.quiet {
			w.app.say("coord: %s; standing again in %v\n", what, pause.Round(time.Millisecond))
		}
		if err := w.pause(ctx, pause); err != nil {
			return err
		}
		delay = min(2*delay, max(longest, w.delay))
	}
}

const (
	// lasting is how long a round takes that is no part of a series of failures.
	lasting = 10 * time.Second
	// longest is the longest pause between two rounds, unless a longer one was asked for.
	longest = 30 * time.Second
)

// passing says whether an error, with which a round ended before the program ran, is one to try again after.
func (w *work) passing(err error) bool {
	if errors.Is(err, session.ErrLost) {
		return true
	}
	away := errors.Is(err, kv.ErrUnavailable) || errors.Is(err, kv.ErrUncertain) || errors.Is(err, context.DeadlineExceeded)
	return w.held && away // a store that has never answered is not waited for
}

// pause waits for d, or for a signal that ends it.
func (w *work) pause(ctx context.Context, d time.Duration) error {
	ctx, stop := interruptible(ctx, w.signals)
	defer stop()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return interrupted(ctx, ctx.Err())
	}
}

// round gets the claim, and runs the program under it. It returns whether it ran.
func (w *work) round(ctx context.Context) (ran bool, err error) {
	waiting, childsTurn := interruptible(ctx, w.signals)
	defer childsTurn()
	w.app.verbose("asking for %s", w.claim.what())
	asked := time.Now()
	g, err := w.acquire(waiting, w.st, w.s)
	if err != nil {
		return false, interrupted(waiting, err)
	}
	w.held, w.lost = true, false
	w.app.verbose("%s acquired after %v, token %d", w.claim.what(), time.Since(asked).Round(time.Millisecond), g.Token())
	childsTurn()
	if waiting.Err() != nil {
		return false, interrupted(waiting, waiting.Err())
	}
	if err := w.status.acquired(g); err != nil {
		w.app.say("coord: --status-file: %v\n", err)
	}
	err = w.supervise(ctx, g)
	var look *child.LookError
	return !errors.As(err, &look), err
}

// supervise runs the program under the grant, and returns how it ended as exit codes are.
func (w *work) supervise(ctx context.Context, g grant) error {
	if t, ok := g.(interface{ Resign(context.Context) error }); ok && w.restart {
		// Where the session goes on, what was held goes back by itself, also after a loss: the next lease has to wait for that.
		defer func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeWithin)
			defer cancel()
			_ = t.Resign(ctx)
		}()
	}
	env := environment(os.Environ(), w.claim.environ(g), w.st)
	w.app.verbose("running %s", w.argv[0])
	began := time.Now()
	c, err := child.Start(child.Spec{Path: w.path, Args: w.argv, Env: env})
	if err != nil {
		return err
	}
	hook := w.newHook(env)
	w.lost = child.Supervise(c, hold{g, w.s}, w.signals, child.Limits{
		Grace: w.kill, Last: max(100*time.Millisecond, w.ttl/20),
		OnLost:   func() { hook.start(g.Err()) },
		OnSignal: w.passedOn,
	})
	w.status.ended(c, w.lost)
	w.app.verbose("the command %s after %v", endOf(c), time.Since(began).Round(time.Millisecond))
	hook.wait(w.signals)
	switch {
	case w.lost:
		return exit(exitLost, fmt.Errorf("%s was lost, and the command was ended: %w", w.claim.what(), g.Err()))
	case c.Code() != 0:
		return exit(c.Code(), nil)
	}
	return nil
}

func (w *work) passedOn(s unix.Signal) {
	w.asked = w.asked || isEnding(s)
	w.app.verbose("passed %s on", unix.SignalName(s))
}

func endOf(c *child.Child) string {
	if s := c.EndedBy(); s != 0 {
		return "was ended by " + unix.SignalName(s)
	}
	return fmt.Sprintf("ended with exit code %d", c.Code())
}

// hold is what the child runs under.
type hold struct {
	grant
	s *session.Session
}

// Broken implements child.Hold.
func (h hold) Broken() bool { return h.Err() != nil && h.s.LeaseID() == h.Lease() }
