package grpcresolver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/coordkit/coord/primitives/registry"
)

// errSilent: the store has not answered yet.
var errSilent = errors.New("the store has not answered yet")

// watcher is the resolver of one connection. One goroutine of it tells gRPC what a view shows; another reads anew when gRPC
// wants it.
type watcher struct {
	target target
	opts   Options
	view   *registry.View
	cc     resolver.ClientConn
	cancel context.CancelFunc
	work   sync.WaitGroup
	asked  chan struct{} // holds one: gRPC wants the set to be read anew

	// The goroutine of watch alone uses these.
	told bool // gRPC knows of a set
	last []resolver.Endpoint
}

var _ resolver.Resolver = (*watcher)(nil)

// ResolveNow asks for a new read, and returns at once. gRPC calls it with locks held that telling a state needs, so nothing is
// told from here.
func (w *watcher) ResolveNow(resolver.ResolveNowOptions) {
	select {
	case w.asked <- struct{}{}:
	default: // one will be made as it is
	}
}

// Close ends the resolver, and waits until nothing is told any more.
func (w *watcher) Close() {
	w.cancel()
	w.work.Wait()
	w.view.Close()
}

// watch tells gRPC what the view shows, until ctx ends.
func (w *watcher) watch(ctx context.Context) {
	s, err := w.first(ctx)
	for err == nil {
		w.tell(s)
		s, err = w.view.Next(ctx, s.Gen)
	}
	if ctx.Err() == nil { // the registry was closed or made with settings out of bounds
		w.cc.ReportError(err)
	}
}

// first returns the first snapshot there is. gRPC holds all calls until it has heard something, so it hears of a store that
// says nothing, too.
func (w *watcher) first(ctx context.Context) (*registry.Snapshot, error) {
	soon, cancel := context.WithTimeout(ctx, w.opts.FailAfter)
	defer cancel()
	s, err := w.view.Next(soon, 0)
	if err == nil || soon.Err() == nil || ctx.Err() != nil {
		return s, err
	}
	w.cc.ReportError(w.unknown(errSilent))
	return w.view.Next(ctx, 0)
}

func (w *watcher) tell(s *registry.Snapshot) {
	switch {
	case s.Health == registry.Never:
		w.cc.ReportError(w.unknown(cmp.Or(s.Err, errSilent)))
		return
	case s.Health == registry.Stale && w.told:
		return // it goes on with what it has
	}
	endpoints := w.target.endpoints(s)
	if w.told && equal(w.last, endpoints) {
		return
	}
	w.told, w.last = true, endpoints
	// An error says that the set is not to the balancer's liking. Asking again would bring the same one.
	_ = w.cc.UpdateState(state(endpoints))
}

func (w *watcher) unknown(err error) error {
	return fmt.Errorf("instances of service %q are not known: %w", w.target.service, err)
}

// refresh makes the view read anew when gRPC asks for it. Whatever that brings is told by watch.
func (w *watcher) refresh(ctx context.Context) {
	for last := time.Now(); ; last = time.Now() { // the view has begun with a read
		select {
		case <-w.asked:
		case <-ctx.Done():
			return
		}
		timer := time.NewTimer(time.Until(last.Add(w.opts.RefreshEvery)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		select {
		case <-w.asked: // meanwhile, again
		default:
		}
		_, _ = w.view.Refresh(ctx) // a failure shows in the snapshots
	}
}
