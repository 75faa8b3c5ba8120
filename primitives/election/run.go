package election

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/again"
	"github.com/coordkit/coord/primitives/session"
)

// Run stands for election until ctx ends, and runs lead, on its own goroutine, each time this candidate leads. The ctx that lead gets ends
// with ctx or with the term, with the loss as its cause.
//
// When lead returns while its term lasts, or after it has resigned itself, Run resigns and returns lead's error; nil says that the work is
// done, and the store knows it: where lead returned nil and the resignation failed, its error is returned. When the term is lost, Run
// waits for lead to return, whatever it returns, and stands for election again; so two leads of one Run never overlap. When ctx ends,
// Run waits for lead, resigns, and returns ctx.Err(). A panic of lead goes through after Run has resigned.
//
// Errors of the store while it stands are retried, with jitter, and told by Healthy. Run returns others at once: kv.ErrInvalid, kv.ErrClosed
// of a session or a store that was closed, and a *RecordError.
func (e *Election) Run(ctx context.Context, lead func(ctx context.Context, t *Term) error) error {
	if err := kv.ValidateContext(ctx); err != nil {
		return e.opError("campaign", err)
	}
	for wait := again.New(50*time.Millisecond, 5*time.Second); ; {
		t, err := e.Campaign(ctx)
		switch {
		case ctx.Err() != nil && err != nil:
			return ctx.Err()
		case err == nil:
			e.campaigned(nil)
			wait.Reset()
			if ended, err := e.lead(ctx, t, lead); ended {
				return err
			}
		case hopeless(err):
			return err
		case errors.Is(err, session.ErrLost): // a new lease may do
		default:
			e.campaigned(err)
			e.opts.Logger.Warn("campaign failed, trying again", "election", e.name, "err", err)
		}
		if err := wait.Wait(ctx); err != nil {
			return err
		}
	}
}

// lead runs one term, and reports whether it was the last one of this Run.
func (e *Election) lead(ctx context.Context, t *Term, lead func(context.Context, *Term) error) (ended bool, err error) {
	// Also when lead panics. Resigning ends the term's contexts, so this is after all work.
	defer func() {
		if resigned := t.Resign(ctx); resigned != nil && ended && err == nil && !errors.Is(resigned, session.ErrLost) {
			err = resigned
		}
	}()
	defer e.leading(t)()
	defer e.stopped(t)
	err = lead(t.Context(ctx), t)
	switch lost := t.Err(); {
	case ctx.Err() != nil:
		return true, ctx.Err()
	case lost == nil, errors.Is(lost, session.ErrReleased) && t.given.Load(): // still leading, or lead has resigned itself
		return true, err
	default:
		e.opts.Logger.Warn("leadership lost", "election", e.name, "term", t.Number(), "err", lost, "returned", err)
		return false, nil
	}
}

// hopeless reports whether trying again cannot help.
func hopeless(err error) bool {
	var record *RecordError
	return errors.Is(err, kv.ErrInvalid) || errors.Is(err, kv.ErrClosed) || errors.As(err, &record)
}

// health is what a Run notes for Healthy, guarded by Election.mu.
type health struct {
	failing time.Time           // since when campaigns have failed; zero if the last one did not
	failure error               // the last one's
	terms   map[*Term]time.Time // whose lead runs, and since when they are over; zero while they last
}

func (e *Election) campaigned(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failure = err
	switch {
	case err == nil:
		e.failing = time.Time{}
	case e.failing.IsZero():
		e.failing = time.Now()
	}
}

// queued is told that a candidate stands in the line: nothing fails, however long it takes.
func (e *Election) queued() { e.campaigned(nil) }

// leading notes that lead runs under the term. It returns what ends the note of the term's end.
func (e *Election) leading(t *Term) (stop func() bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.terms == nil {
		e.terms = make(map[*Term]time.Time)
	}
	e.terms[t] = time.Time{}
	return context.AfterFunc(t.Context(context.Background()), func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if _, runs := e.terms[t]; runs {
			e.terms[t] = time.Now()
		}
	})
}

func (e *Election) stopped(t *Term) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.terms, t)
}

// Healthy returns nil, or what is wrong with the Runs of this candidate: lead works on although its term was over more than overrun ago, or campaigns
// have failed for longer than overrun. It is for a liveness probe: a program that leads without leadership is best ended. It makes no
// call. Package health has an http.Handler of it.
func (e *Election) Healthy(overrun time.Duration) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	for t, over := range e.terms {
		if !over.IsZero() && time.Since(over) > overrun {
			return fmt.Errorf("election %q: term %d is over for %v, and its work goes on", e.name, t.Number(), since(over))
		}
	}
	if !e.failing.IsZero() && time.Since(e.failing) > overrun {
		return fmt.Errorf("election %q: campaigns have failed for %v: %w", e.name, since(e.failing), e.failure)
	}
	return nil
}

func since(t time.Time) time.Duration { return time.Since(t).Round(time.Millisecond) }
