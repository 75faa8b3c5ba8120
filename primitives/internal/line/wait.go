package line

import (
	"context"
	"errors"
	"time"

	"github.com/coordkit/coord/kv"
)

// guardAfter is the age at which the key of a hold that did not queue begins to be watched. A short critical section pays
// nothing for it.
const guardAfter = time.Second

// wait waits behind near until nobody is before this attempt. Its own key is watched all the while, and on while it holds.
func (a *attempt) wait(ctx context.Context, near Entry, ahead int) error {
	a.watched = true
	a.t.Go(a.watchOwn)
	first := Entry{} // who is first in the line, as far as it is known
	for ahead > 0 {
		if ahead == 1 {
			first = near
		}
		err := untilGone(ctx, a.st, near)
		if err == nil {
			near, ahead, err = a.look(ctx)
		}
		if err != nil {
			if ctx.Err() != nil && a.ctx.Err() == nil {
				return &OccupiedError{Head: first, Ahead: max(1, ahead), Err: err}
			}
			return err
		}
	}
	return nil
}

// watchOwn watches the attempt's own key until the attempt is over, and ends it if the key goes. ctx is the background's.
func (a *attempt) watchOwn(ctx context.Context) {
	if a.ctx.Err() != nil {
		return
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(a.ctx, stop)()
	if untilGone(ctx, a.st, Entry{Key: a.key, Token: a.token, Version: a.token}) == nil {
		a.lose("key deleted")
	}
}

// untilGone returns nil when the entry e is gone: deleted, or another life has its name. A change of it is no end. An outage is
// waited out; other errors, and the end of ctx, are returned.
func untilGone(ctx context.Context, st kv.Storage, e Entry) error {
	retry := newBackoff()
	for v := e.Version; ; {
		r, err := st.WaitForVersionChange(ctx, e.Key, v)
		switch {
		case errors.Is(err, kv.ErrNotFound), err == nil && r.Key == "":
			return nil
		case err == nil && decode(r).Token != e.Token:
			return nil
		case err == nil:
			v = r.Version
		case transient(err) && ctx.Err() == nil:
			if err := retry.sleep(ctx); err != nil {
				return err
			}
		default:
			return err
		}
	}
}
