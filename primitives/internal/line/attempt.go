package line

import (
	"cmp"
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
	c     *common
	ids   *ids
	cfg   *Config
	ask   *asking
	wrote stored // what the entry says
	value kv.Value

	key   kv.Key
	id    string
	born  time.Time  // just before the first create was sent
	token kv.Version // the version that the key was created with; 0 before
	fence kv.Version // the token of the hold: the same, or that of the seal
	from  kv.Version // a position of the store that a view must have reached to be of use: what was seen already
	dirty bool       // an outcome under this key was uncertain: a create may land at any time

	refused bool // the rule has ended the attempt

	ctx    context.Context // ends when the attempt must not go on: its lease or its key is lost, or it was given up
	cancel context.CancelCauseFunc

	mu    sync.Mutex
	hold  bridge.Hold // nil until the place is held
	view  *view       // that it is a member of; nil if there is none
	alone bool        // a view has failed it
	guard *time.Timer // starts the watch over the key, where no view shows it
}

func newAttempt(t bridge.Tenure, ask *asking, owner session.Owner) *attempt {
	cfg := &ask.c
	c := commonOf(ask.in.Storage(), t)
	a := &attempt{st: c.st, t: t, c: c, ids: c.ids, cfg: cfg, ask: ask}
	a.wrote = stored{
		Format: format, Owner: owner.Name, Host: owner.Host, PID: owner.PID, Program: owner.Program,
		Since: time.Now().UTC(), Note: cfg.Note, Try: cfg.Try, Shared: cfg.Shared, Weight: cfg.Weight,
		ID: cfg.ID, Priority: cfg.Priority,
	}
	a.value = encode(a.wrote)
	a.ctx, a.cancel = context.WithCancelCause(t.Context())
	return a
}

// mine is the attempt as an entry.
func (a *attempt) mine() Entry {
	return Entry{
		Key: a.key, Version: a.token, Token: a.token, Lease: a.t.LeaseID(),
		Shared: a.cfg.Shared, Weight: a.cfg.Weight, Priority: a.cfg.Priority, ID: a.cfg.ID, Try: a.cfg.Try,
	}
}

// run goes the way from outside to a place of its own, or gives up.
func (a *attempt) run(caller context.Context) (*Place, error) {
	// One ctx for every call on the way: the caller's, ended also by a loss, with the loss as its cause.
	ctx, stop := context.WithCancelCause(caller)
	defer stop(nil)
	defer context.AfterFunc(a.ctx, func() { stop(context.Cause(a.ctx)) })()

	err := a.reachPlace(ctx)
	if err == nil {
		var p *Place
		if p, err = a.win(); err == nil {
			return p, nil
		}
	}
	err = a.failed(err)
	a.giveUp(caller, err)
	return nil, err
}

// reachPlace returns nil when the attempt's entry is in the line, nobody is in its way, and the place is sealed.
func (a *attempt) reachPlace(ctx context.Context) error {
	s, err := a.reachFront(ctx)
	for a.cfg.Seal != nil && err == nil {
		if a.fence, err = a.cfg.Seal(ctx, a.st, s); !errors.Is(err, ErrAgain) {
			return err
		}
		s, err = a.waitAgain(ctx, s)
	}
	return err
}

// reachFront returns the line as it is when the attempt's entry is in it and nobody is in its way.
func (a *attempt) reachFront(ctx context.Context) (Sight, error) {
	if a.cfg.Try {
		// Most tries that fail find somebody there: one read, and nothing is written.
		s, err := a.peek(ctx)
		if err == nil {
			err = a.free(s)
		}
		if err != nil {
			return s, err
		}
	}
	s, err := a.enter(ctx)
	if err == nil {
		a.ask.enter(s)
		s, err = a.arrive(ctx, s)
	}
	if err == nil {
		a.mark(s)
	}
	return s, err
}

// arrive goes on from where the attempt has entered, and returns the line as it was when nobody was in the way. s is what is known
// of it.
func (a *attempt) arrive(ctx context.Context, s Sight) (Sight, error) {
	if !a.cfg.Try {
		return a.wait(ctx, s)
	}
	if s.partial {
		all, err := a.look(ctx)
		if err != nil {
			return s, occupied(s, nil)
		}
		s = all
	}
	return s, a.free(s)
}

// free returns an *OccupiedError if somebody is in the attempt's way.
func (a *attempt) free(s Sight) error {
	wait, err := a.inTheWay(s)
	if err != nil || len(wait) == 0 {
		return err
	}
	return occupied(s, nil)
}

// inTheWay asks the rule.
func (a *attempt) inTheWay(s Sight) ([]Entry, error) {
	wait, err := a.cfg.Rule.InTheWay(s)
	a.refused = err != nil
	return wait, err
}

// failed returns why the attempt failed: its own loss before what a cancelled call said.
func (a *attempt) failed(err error) error {
	switch {
	case errors.Is(err, kv.ErrWrongLeaseId):
		a.t.Lose("lease gone from the store")
		return errNoLease
	case a.token != 0 && errors.Is(context.Cause(a.t.Context()), session.ErrReleased):
		// The session was closed, and takes the entry away: that may be seen before a.ctx has ended.
		return fmt.Errorf("%w: %w", kv.ErrClosed, context.Cause(a.t.Context()))
	case a.ctx.Err() == nil, errors.Is(err, session.ErrLost):
		return err
	case a.token == 0:
		return errNoLease
	}
	return context.Cause(a.ctx)
}

// head is who is first among entries in order. It may be a try: one that holds, or, for a moment, one that lost its race to somebody who
// has gone since. The two look alike, and the one that holds stays.
func head(entries []Entry) Entry {
	if len(entries) == 0 {
		return Entry{}
	}
	return entries[0].whole()
}

// win makes the place held, unless it was lost in this moment.
func (a *attempt) win() (*Place, error) {
	took := time.Since(a.ask.since)
	hold := a.t.Hold(bridge.HoldSpec{What: a.ask.what(), Token: cmp.Or(a.fence, a.token), Check: a.check})
	if hold == nil {
		return nil, context.Cause(a.t.Context())
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ctx.Err() != nil {
		hold.Discard()
		return nil, context.Cause(a.ctx)
	}
	a.hold = hold
	if !a.view.shows() {
		a.guardLocked()
	}
	return &Place{Hold: hold.Public().(*session.Hold), a: a, took: took}, nil
}

// lose ends the attempt because its key is gone: the wait if it waits, the hold if it holds. A create of it that may land yet is looked
// after from now on, for a holder that has lost need not give back.
func (a *attempt) lose(reason string) {
	a.mu.Lock()
	a.endLocked(lost(reason))
	hold := a.hold
	a.mu.Unlock()
	if hold == nil {
		return
	}
	hold.Lost(reason)
	if a.dirty {
		a.t.Go(a.clear)
	}
}

// endLocked ends what watches the attempt, and whoever waits for it. What happens to its key from now on is its own doing.
func (a *attempt) endLocked(cause error) {
	if a.guard != nil {
		a.guard.Stop()
	}
	if a.view != nil {
		a.view.remove(a)
	}
	a.cancel(cause)
}

// giveUp ends an attempt that won nothing. Who waited goes at once, and its entry is removed in the background. A try that has found
// somebody before it after all, and whom the rule refuses, take their own entry away first: it would stand in the way of others.
func (a *attempt) giveUp(ctx context.Context, err error) {
	a.mu.Lock()
	a.endLocked(err)
	a.mu.Unlock()
	switch {
	case a.id == "": // nothing was sent
	case a.token == 0 && !a.dirty:
		a.ids.retire(a.id) // the create is known to have failed
	case (a.cfg.Try || a.refused) && ctx.Err() == nil:
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
