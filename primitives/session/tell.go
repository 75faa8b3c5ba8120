package session

import (
	"context"
	"time"

	"github.com/coordkit/coord/primitives/internal/bridge"
)

func (s *Session) emit(e Event) {
	if s.opts.OnEvent != nil {
		s.opts.OnEvent(e)
	}
}

func eventOf(kind EventKind, w bridge.What) Event {
	return Event{Kind: kind, Primitive: w.Primitive, Name: w.Name, Shared: w.Shared, Weight: w.Weight}
}

func (i inside) Asked(ctx context.Context, w bridge.What) context.Context {
	if i.s.opts.OnAsk == nil {
		return ctx
	}
	if derived := i.s.opts.OnAsk(ctx, eventOf(Asked, w)); derived != nil {
		return derived
	}
	return ctx
}

func (i inside) Joined(ctx context.Context, w bridge.What, ahead int, took time.Duration) {
	if i.s.opts.OnEvent == nil {
		return
	}
	e := eventOf(Joined, w)
	e.Context, e.Ahead, e.Took = ctx, ahead, took
	i.s.emit(e)
}

func (i inside) Failed(ctx context.Context, w bridge.What, ahead int, took time.Duration, err error) {
	if i.s.opts.OnEvent == nil {
		return
	}
	e := eventOf(Failed, w)
	e.Context, e.Ahead, e.Took, e.Err = ctx, ahead, took, err
	i.s.emit(e)
}

// tellEnd tells of the tenure's end, and of those of the holds under it.
func (t *tenure) tellEnd() {
	for _, h := range t.ended {
		<-h.done // end is about to close it, if it has not
		h.tellEnd()
	}
	if err := context.Cause(t.ctx); isLost(err) {
		t.s.opts.Logger.Warn("lease lost", "lease", t.lease.Id(), "err", err)
		t.s.emit(Event{Kind: LeaseLost, Err: err})
	}
}
