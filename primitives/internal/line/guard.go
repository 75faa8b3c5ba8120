package line

import (
	"context"
	"time"
)

// guardAfter is the age at which the key of an attempt that no view shows begins to be watched. A short critical section, and a
// short wait, pay nothing for it.
const guardAfter = time.Second

// guardLocked has the key watched, from a second from now, for as long as the attempt lives.
func (a *attempt) guardLocked() {
	if a.guard == nil && a.ctx.Err() == nil {
		a.guard = time.AfterFunc(guardAfter, func() { a.t.Go(a.watchOwn) })
	}
}

// unseen is told when the view closes that the attempt was a member of. One that waits finds out by itself.
func (a *attempt) unseen() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.hold != nil {
		a.guardLocked()
	}
}

// watchOwn watches the attempt's own key until the attempt is over, and ends it if the key goes. ctx is the background's.
func (a *attempt) watchOwn(ctx context.Context) {
	if a.ctx.Err() != nil {
		return
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(a.ctx, stop)()
	for own := a.mine(); ; {
		r, err := untilChanged(ctx, a.st, own.Key, own.Version)
		if err != nil {
			return
		}
		if r.Key == "" || decode(r).Token != own.Token {
			a.lose("key deleted")
			return
		}
		own.Version = r.Version
	}
}
