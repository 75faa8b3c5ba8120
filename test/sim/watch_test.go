package sim

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
)

// way is a way to the store of one of those who stand on a client's handle.
type way struct {
	*intercept.Storage
	c    *client
	name string
}

func (c *client) way(whose string) kv.Storage {
	w := &way{c: c, name: c.name + " " + whose}
	w.Storage = intercept.Wrap(c.st, w.pass)
	return w
}

// As gives watches whose events are on their way for a while, and which break.
func (w *way) As(target any) bool {
	rw, ok := target.(*kv.RangeWatcher)
	if !ok {
		return w.Storage.As(target)
	}
	var under kv.RangeWatcher
	if !w.Storage.As(&under) {
		return false
	}
	*rw = watcher{under, w.c, w.name}
	return true
}

type watcher struct {
	under kv.RangeWatcher
	c     *client
	whose string
}

var (
	errBeginAgain = errors.New("position lost")
	errBroken     = &kv.OpError{Op: "watch range", Err: kv.ErrUnavailable}
)

// watch is one that stands.
type watch struct {
	name string
	end  context.CancelCauseFunc
}

// WatchRange implements kv.RangeWatcher.
func (w watcher) WatchRange(ctx context.Context, start, end kv.Key) iter.Seq2[kv.RangeEvent, error] {
	return func(yield func(kv.RangeEvent, error) bool) {
		err := errBeginAgain
		for errors.Is(err, errBeginAgain) {
			err = w.once(ctx, start, end, yield)
		}
		if err != nil {
			yield(kv.RangeEvent{}, err)
		}
	}
}

// once returns nil when the caller stops ranging, or what ended the watch.
func (w watcher) once(ctx context.Context, start, end kv.Key, yield func(kv.RangeEvent, error) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	me := &watch{w.whose + " watches " + string(start), cancel}
	w.c.r.wire.post(me.name, func() { w.c.watches = append(w.c.watches, me) })
	defer w.c.r.wire.post(me.name+" no more", func() {
		w.c.watches = slices.DeleteFunc(w.c.watches, func(o *watch) bool { return o == me })
	})
	for ev, err := range w.under.WatchRange(ctx, start, end) {
		if err == nil {
			err = w.c.trip(ctx, fmt.Sprintf("event for %s %d %t", me.name, ev.Version, ev.Progress))
		}
		switch {
		case err != nil && ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return err
		case !yield(ev, nil):
			return nil
		}
	}
	return nil
}
