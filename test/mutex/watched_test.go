package mutex

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/test/internal/worlds"
)

// watched is a process's way to the store whose watches of ranges are counted, held up, begun again and cut. All else, the other
// capabilities included, is the storage's.
type watched struct {
	kv.Storage
	ranges kv.RangeWatcher
	lag    func() time.Duration // how long an event is on its way; nil is no time

	mu      sync.Mutex
	pass    chan struct{} // closed while events pass
	refusal error         // what a watch ends with, at once
	open    map[*context.CancelCauseFunc]struct{}
	opened  int // watches so far
}

func newWatched(st kv.Storage, ranges kv.RangeWatcher) *watched {
	w := &watched{Storage: st, ranges: ranges, pass: make(chan struct{}), open: make(map[*context.CancelCauseFunc]struct{})}
	close(w.pass)
	return w
}

func (w *watched) As(target any) bool {
	return worlds.Unwatched(w.Storage).As(target)
}

var (
	errBeginAgain = errors.New("position lost")
	errCut        = &kv.OpError{Op: "watch range", Err: kv.ErrUnavailable}
)

// hold keeps events back from now, and letGo lets them through, in their order.
func (w *watched) hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pass = make(chan struct{})
}

func (w *watched) letGo() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.pass)
}

// beginAgain makes all watches tell the whole range again.
func (w *watched) beginAgain() { w.end(errBeginAgain) }

// cut ends all watches, and refuse those to come as well.
func (w *watched) cut() { w.end(errCut) }

func (w *watched) refuse(err error) {
	w.mu.Lock()
	w.refusal = err
	w.mu.Unlock()
	w.cut()
}

func (w *watched) end(why error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for cancel := range w.open {
		(*cancel)(why)
	}
}

// count returns how many watches are open, and how many ever were.
func (w *watched) count() (open, opened int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.open), w.opened
}

func (w *watched) WatchRange(ctx context.Context, start, end kv.Key) iter.Seq2[kv.RangeEvent, error] {
	return func(yield func(kv.RangeEvent, error) bool) {
		w.mu.Lock()
		w.opened++
		refusal := w.refusal
		w.mu.Unlock()
		if refusal != nil {
			yield(kv.RangeEvent{}, refusal)
			return
		}
		err := errBeginAgain
		for errors.Is(err, errBeginAgain) {
			err = w.watch(ctx, start, end, yield)
		}
		if err != nil {
			yield(kv.RangeEvent{}, err)
		}
	}
}

// watch returns nil when the caller stops ranging, or what ended the watch.
func (w *watched) watch(ctx context.Context, start, end kv.Key, yield func(kv.RangeEvent, error) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w.mu.Lock()
	w.open[&cancel] = struct{}{}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.open, &cancel)
	}()
	for ev, err := range w.ranges.WatchRange(ctx, start, end) {
		if err == nil {
			err = w.arrive(ctx)
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

// arrive returns when an event is there.
func (w *watched) arrive(ctx context.Context) error {
	if w.lag != nil {
		pause(ctx, w.lag())
	}
	w.mu.Lock()
	pass := w.pass
	w.mu.Unlock()
	select {
	case <-pass:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
