package line

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/bridge"
	"github.com/coordkit/coord/primitives/session"
)

// attempt is one try to get a place: one key, from before it is created until it is gone for good.
type attempt struct {
	st    kv.Storage
	t     bridge.Tenure
	ids   *ids
	cfg   *Config
	value kv.Value
	asked time.Time // when the caller asked

	key     kv.Key
	id      string
	born    time.Time  // just before the first create was sent
	token   kv.Version // the version that the key was created with; 0 before
	watched bool       // it queued, so its key is watched from then on
	dirty   bool       // an outcome under this key was uncertain: a create may land at any time

	ctx    context.Context // ends when the attempt must not go on: its lease or its key is lost, or it was given up
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	hold  bridge.Hold // nil until the place is held
	guard *time.Timer // starts the watch over the key of a young hold
}

func newAttempt(st kv.Storage, t bridge.Tenure, cfg *Config, owner session.Owner, asked time.Time) *attempt {
	a := &attempt{st: st, t: t, ids: idsOf(t), cfg: cfg, value: encode(cfg, owner), asked: asked}
	a.ctx, a.cancel = context.WithCancelCause(t.Context())
	return a
}

// run goes the way from outside to the head of the line, or gives up.
func (a *attempt) run(ctx context.Context) (*Place, error) {
	// One ctx for every call on the way: the caller's, ended also by a loss, with the loss as its cause.
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer context.AfterFunc(a.ctx, func() { stop(context.Cause(a.ctx)) })()

	err := a.reachHead(ctx)
	if err == nil {
		var p *Place
		if p, err = a.win(); err == nil {
			return p, nil
		}
	}
	err = a.failed(err)
	a.giveUp(ctx, err)
	return nil, err
}

// reachHead returns nil when the attempt's entry is in the line and nobody is before it.
func (a *attempt) reachHead(ctx context.Context) error {
	if a.cfg.Try {
		// Most tries that fail find somebody there: one read, and nothing is written.
		if before, err := a.others(ctx); err != nil {
			return err
		} else if len(before) > 0 {
			return &OccupiedError{Head: head(before), Ahead: len(before)}
		}
	}
	near, ahead, err := a.enter(ctx)
	switch {
	case err != nil, ahead == 0:
		return err
	case !a.cfg.Try:
		return a.wait(ctx, near, ahead)
	case ahead == 1:
		return &OccupiedError{Head: near, Ahead: 1}
	}
	before, err := a.others(ctx)
	if err != nil || len(before) == 0 {
		return &OccupiedError{Ahead: ahead}
	}
	return &OccupiedError{Head: head(before), Ahead: ahead}
}

// failed returns why the attempt failed: its own loss before what a cancelled call said.
func (a *attempt) failed(err error) error {
	switch {
	case errors.Is(err, kv.ErrWrongLeaseId):
		a.t.Lose("lease gone from the store")
		return errNoLease
	case a.ctx.Err() == nil, errors.Is(err, session.ErrLost):
		return err
	case a.token == 0:
		return errNoLease
	case errors.Is(context.Cause(a.ctx), session.ErrReleased):
		return fmt.Errorf("%w: %w", kv.ErrClosed, context.Cause(a.ctx))
	}
	return context.Cause(a.ctx)
}

// head is who is first among entries in order. A try that lost its race may stand first for a moment, on its way out; it is named
// only if there is nobody else.
func head(entries []Entry) Entry {
	for _, e := range entries {
		if !e.Try {
			return e
		}
	}
	return entries[0]
}

// win makes the place held, unless it was lost in this moment.
func (a *attempt) win() (*Place, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ctx.Err() != nil {
		return nil, context.Cause(a.ctx)
	}
	a.hold = a.t.Hold(bridge.HoldSpec{
		Primitive: a.cfg.Primitive, Name: a.cfg.Name, Token: a.token, Took: time.Since(a.asked), Check: a.check,
	})
	if a.hold == nil {
		return nil, context.Cause(a.t.Context())
	}
	if !a.watched {
		a.guard = time.AfterFunc(guardAfter, func() { a.t.Go(a.watchOwn) })
	}
	return &Place{Hold: a.hold.Public().(*session.Hold), a: a}, nil
}

// lose ends the attempt because its key is gone: the wait if it waits, the hold if it holds.
func (a *attempt) lose(reason string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.cancel(lost(reason))
	if a.hold != nil {
		a.hold.Lost(reason)
	}
}

// giveUp ends an attempt that won nothing. Who waited goes at once, and its entry is removed in the background; a try that has
// found somebody before it after all takes its own entry away first, for it would stand in the way of others.
func (a *attempt) giveUp(ctx context.Context, err error) {
	a.cancel(err)
	switch {
	case a.id == "": // nothing was sent
	case a.token == 0 && !a.dirty:
		a.ids.retire(a.id) // the create is known to have failed
	case a.cfg.Try && ctx.Err() == nil:
		ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
		defer cancel()
		_ = a.remove(ctx) // what fails goes on in the background
	default:
		a.t.Go(a.clear)
	}
}

// check is session.Hold.Check for this entry.
func (a *attempt) check(ctx context.Context) error {
	r, err := a.st.Get(ctx, a.key)
	switch {
	case errors.Is(err, kv.ErrNotFound):
		return lost("key gone")
	case err != nil:
		return err
	case decode(r).Token != a.token:
		return lost("key belongs to another life")
	}
	return nil
}
