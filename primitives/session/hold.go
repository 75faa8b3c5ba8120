package session

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/bridge"
)

// Hold is something held under a session: a lock, a leadership. The handles of the primitives embed it. It is made by them;
// the zero Hold is of no use. All methods are safe for concurrent use.
//
// A hold ends once, with ErrReleased when it is given back, or with ErrLost when no more than the session's margin is
// left of the lease, when the lease is over, or when its key is gone from the store. A deletion of the key is noticed
// through a watch that opens when the hold is one second old (at once if it was waited for), so a critical
// section shorter than that may end without having heard of it.
type Hold struct {
	t     *tenure
	spec  bridge.HoldSpec
	since time.Time

	mu      sync.Mutex
	err     error // nil while held; written once, before done is closed
	done    chan struct{}
	lasted  time.Duration // how long it was held; written with err
	broken  bool          // lost though the lease lives: its validity protects nothing any more
	begun   bool          // the hook has been told that it is held
	told    bool          // and of its end
	cancels map[context.Context]context.CancelCauseFunc
}

func newHold(t *tenure, spec bridge.HoldSpec) *Hold {
	return &Hold{t: t, spec: spec, since: time.Now(), done: make(chan struct{})}
}

// Token returns the fencing token: a version of the store that is greater than the token of every earlier holder of the same
// thing. A guarded resource that refuses tokens lower than the highest it has seen is safe from late writes, however
// long their writer was paused.
func (h *Hold) Token() kv.Version { return h.spec.Token }

// Context returns a context with the values of parent that ends when parent does or when the hold ends, with the cause
// ErrLost or ErrReleased. Contexts nest: a context of one hold may be the parent of another's.
func (h *Hold) Context(parent context.Context) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil {
		cancel(h.err)
		return ctx
	}
	if h.cancels == nil {
		h.cancels = make(map[context.Context]context.CancelCauseFunc)
	}
	h.cancels[ctx] = cancel
	context.AfterFunc(ctx, func() { // a parent that ends first must not leave its child here
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.cancels, ctx)
	})
	return ctx
}

// Done returns a channel that is closed when the hold ends.
func (h *Hold) Done() <-chan struct{} { return h.done }

// Err returns nil while the thing is held, and then why it is not: an error that is ErrLost or ErrReleased. It looks at the
// clock itself, so it is right also in a process that was stopped and has just gone on.
func (h *Hold) Err() error {
	h.mu.Lock()
	err := h.err
	h.mu.Unlock()
	if err != nil {
		return err
	}
	if h.t.alive() {
		return nil
	}
	<-h.done // the tenure's end ends this hold too, at once
	return h.Err()
}

// ValidFor returns for how long, from now, the store keeps everybody else away even if it hears nothing more of this process:
// counted by this process's clock and pessimistic, like kv.Lease.TTL. The hold ends when it falls to the session's margin, and
// what is left then is the time to stop in. It is zero once the hold was given back or its key is gone. It makes no call.
func (h *Hold) ValidFor() time.Duration {
	_ = h.t.alive() // so that a hold is never seen valid for less than its margin and still held
	h.mu.Lock()
	err, broken := h.err, h.broken
	h.mu.Unlock()
	if broken || err != nil && h.t.ctx.Err() == nil {
		return 0
	}
	if err != nil && !isLost(err) {
		return 0
	}
	return h.t.validFor()
}

// Check asks the store, with one linearizable read, whether the thing is still held: nil, or an error that is ErrLost (and the
// hold ends), ErrReleased, or the store's if it could not be asked.
func (h *Hold) Check(ctx context.Context) error {
	if err := h.Err(); err != nil {
		return err
	}
	if err := h.spec.Check(ctx); err != nil {
		if isLost(err) {
			(*inner)(h).Lost("key gone")
			return h.Err()
		}
		return fmt.Errorf("check %s %q: %w", h.spec.What.Primitive, h.spec.What.Name, err)
	}
	return h.Err()
}

// finish ends the hold with err, unless it is over already. It is for the caller to have tellEnd called.
func (h *Hold) finish(err error) {
	h.mu.Lock()
	if h.err != nil {
		h.mu.Unlock()
		return
	}
	h.err, h.lasted = err, time.Since(h.since)
	close(h.done)
	cancels := h.cancels
	h.cancels = nil
	h.mu.Unlock()
	for _, cancel := range cancels {
		cancel(err)
	}
}

// tellEnd tells the hook that the hold is over: once, and not before the hook was told that it is held.
func (h *Hold) tellEnd() {
	if h.t.s.opts.OnEvent == nil {
		return
	}
	h.mu.Lock()
	due := h.begun && h.err != nil && !h.told
	h.told = h.told || due
	h.mu.Unlock()
	if !due {
		return
	}
	e := h.event(Released)
	e.Took = h.lasted
	if isLost(h.err) {
		e.Kind, e.Err = Lost, h.err
	}
	h.t.s.emit(e)
}

func (h *Hold) event(kind EventKind) Event {
	e := eventOf(kind, h.spec.What)
	e.Token = h.spec.Token
	return e
}

// inner is the side of a Hold that the primitives see.
type inner Hold

func (i *inner) Public() any { return (*Hold)(i) }

func (i *inner) Announce(ctx context.Context, ahead int, took time.Duration) {
	h := (*Hold)(i)
	if h.t.s.opts.OnEvent == nil {
		return
	}
	e := h.event(Acquired)
	e.Context, e.Ahead, e.Took = ctx, ahead, took
	h.t.s.emit(e)
	h.mu.Lock()
	h.begun = true
	h.mu.Unlock()
	h.tellEnd() // of an end that came meanwhile
}

func (i *inner) Discard() {
	h := (*Hold)(i)
	h.finish(fmt.Errorf("%w", ErrReleased))
	h.t.drop(h)
}

func (i *inner) Lost(reason string) {
	h := (*Hold)(i)
	h.mu.Lock()
	h.broken = h.broken || h.err == nil
	h.mu.Unlock()
	h.finish(fmt.Errorf("%w: %s", ErrLost, reason))
	h.t.drop(h) // the lease protects it no longer
	h.tellEnd()
}

func (i *inner) Release() error {
	h := (*Hold)(i)
	_ = h.Err() // a process that was stopped learns here that it had lost
	h.finish(fmt.Errorf("%w", ErrReleased))
	h.t.drop(h)
	h.tellEnd()
	h.mu.Lock()
	defer h.mu.Unlock()
	if isLost(h.err) {
		return h.err
	}
	return nil
}
