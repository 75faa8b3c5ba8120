package line

import (
	"context"
	"errors"
	"sync"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/again"
)

// wait waits until nobody is in the attempt's way, and returns the line as it was then. s is what is known of it. If the caller's ctx ends
// the wait, the error is an *OccupiedError.
func (a *attempt) wait(ctx context.Context, s Sight) (Sight, error) {
	s, err := a.untilFree(ctx, s)
	if err != nil && !a.refused && ctx.Err() != nil && a.ctx.Err() == nil {
		err = occupied(s, err)
	}
	return s, err
}

// waitAgain is wait for an attempt whose place was not sealed.
func (a *attempt) waitAgain(ctx context.Context, s Sight) (Sight, error) {
	now, err := a.look(ctx)
	switch {
	case err == nil:
		return a.wait(ctx, now)
	case ctx.Err() != nil && a.ctx.Err() == nil:
		return s, &OccupiedError{Ahead: 1, Err: err} // who was faster
	}
	return s, err
}

// untilFree returns the line as it is when nobody is in the attempt's way, or, with an error, as it was last seen.
//
// A short line is looked at through a view, where the store can watch ranges. Else the attempt waits until one that is in its way goes or
// changes, and then looks again: one read must show its own entry and nobody in the way. For two waits are not ordered between
// each other: the blocker's end may be heard before one's own, though it came later.
func (a *attempt) untilFree(ctx context.Context, s Sight) (Sight, error) {
	for {
		wait, free, err := a.judge(s)
		if err != nil || free {
			return s, err
		}
		look := a.look
		if v := a.lookOn(s.short()); v != nil {
			if s, err = v.await(ctx, a, s); !errors.Is(err, errViewClosed) {
				return s, err
			}
		} else if len(wait) > 0 {
			if err := a.untilMoved(ctx, wait); err != nil {
				return s, err
			}
			look = func(ctx context.Context) (Sight, error) { return a.lookAgain(ctx, s) }
		}
		now, err := look(ctx)
		if err != nil {
			return s, err
		}
		s = now
	}
}

// judge tells whether nobody is in the attempt's way, and else who is, as far as the sight tells.
func (a *attempt) judge(s Sight) (wait []Entry, free bool, err error) {
	if !s.partial {
		wait, err = a.inTheWay(s)
		return wait, err == nil && len(wait) == 0, err
	}
	if n := len(s.Before); n > 0 {
		wait = a.cfg.Rule.Near(s.Own, s.Before[n-1])
	}
	return wait, false, nil
}

// lookOn returns the view that the attempt looks on through from now, or nil if it has to wait by itself. For a line that is not short
// no view is opened.
func (a *attempt) lookOn(short bool) *view {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ctx.Err() != nil {
		return nil
	}
	if a.view.shows() {
		return a.view
	}
	a.alone = a.alone || a.view != nil && a.view.failed
	a.view = nil
	if !a.alone {
		a.view = a.c.join(a, short)
	}
	if a.view == nil {
		a.guardLocked()
	}
	return a.view
}

// untilMoved returns nil when one of the entries has gone or is of another kind.
func (a *attempt) untilMoved(ctx context.Context, wait []Entry) error {
	if len(wait) == 1 {
		return untilMoved(ctx, a.st, wait[0])
	}
	ctx, cancel := context.WithCancel(ctx)
	moved := make(chan error, len(wait))
	var waits sync.WaitGroup
	defer waits.Wait()
	defer cancel()
	for _, e := range wait {
		waits.Go(func() { moved <- untilMoved(ctx, a.st, e) })
	}
	return <-moved
}

// untilMoved returns nil when the entry e is gone, when another life has its name, or when it is of another kind. Any other change of
// it is none.
func untilMoved(ctx context.Context, st kv.Storage, e Entry) error {
	for v := e.Version; ; {
		r, err := untilChanged(ctx, st, e.Key, v)
		if err != nil || r.Key == "" {
			return err
		}
		if now := decode(r); now.Token != e.Token || !now.same(e) {
			return nil
		}
		v = r.Version
	}
}

// untilChanged returns the record at key when it has another version than v, or the zero Record when there is none. An outage is
// waited out; other errors, and the end of ctx, are returned.
func untilChanged(ctx context.Context, st kv.Storage, key kv.Key, v kv.Version) (kv.Record, error) {
	for retry := again.New(again.First, again.Most); ; {
		r, err := st.WaitForVersionChange(ctx, key, v)
		switch {
		case errors.Is(err, kv.ErrNotFound):
			return kv.Record{}, nil
		case transient(err) && ctx.Err() == nil:
			if err := retry.Wait(ctx); err != nil {
				return kv.Record{}, err
			}
		default:
			return r, err
		}
	}
}
