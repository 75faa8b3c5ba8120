package registry

import (
	"context"
	"iter"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
)

// View shows the instances of one service. All methods are safe for concurrent use. All views of a service in a registry share one watch of
// the store, which goes on for [Options.Linger] after the last of them was closed.
//
// A view is a hint: what it shows was so a moment ago. It serves to find somebody to talk to. That only one does something needs a
// lock or an election.
type View struct {
	r       *Registry
	service string
	f       *feed // nil for a view that is of no use; err says why
	err     error
	done    chan struct{} // closed by Close
	once    sync.Once
}

// View returns a view of a service, which need not have any instance. It does no I/O and does not wait: the first snapshot comes
// when the store has answered. A name out of bounds and a closed registry are errors of its methods. Close it when it is of no use
// any more.
func (r *Registry) View(service string) *View {
	v := &View{r: r, service: service, done: make(chan struct{})}
	if v.err = r.usable(); v.err == nil {
		v.err = ValidateService(service)
	}
	if v.err == nil {
		v.f, v.err = r.join(service)
	}
	return v
}

// join returns the service's feed with one user more.
func (r *Registry) join(service string) (*feed, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, kv.ErrClosed
	}
	f := r.feeds[service]
	if f == nil {
		f = newFeed(r, service)
		r.feeds[service] = f
		r.work.Go(f.run)
	}
	if f.linger != nil {
		f.linger.Stop()
		f.linger = nil
	}
	f.users++
	return f, nil
}

// leave takes a user of a feed back. Without any it lingers, and ends.
func (r *Registry) leave(f *feed) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f.users--; f.users > 0 {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(r.opts.Linger, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if f.linger == timer { // nobody has come meanwhile, and nobody else ends it
			delete(r.feeds, f.service)
			f.cancel()
		}
	})
	f.linger = timer
}

// Close gives the view back. Its waits, and all later ones, return kv.ErrClosed. Snapshot goes on to return the last one there is: as long
// as another view shares the watch, or it lingers, that is a new one now and then; afterwards it is Stale. A repeat does nothing.
func (v *View) Close() {
	v.once.Do(func() {
		close(v.done)
		if v.f != nil {
			v.r.leave(v.f)
		}
	})
}

// Snapshot returns what is known at present, without waiting for anything: it costs one atomic load. It is never nil.
func (v *View) Snapshot() *Snapshot {
	if v.f == nil {
		return &Snapshot{Service: v.service, Err: v.fail(v.err)}
	}
	return v.f.snap.Load()
}

// Next waits for a snapshot newer than gen and returns the newest one: a caller that is slow sees no queue of old ones. With gen 0
// it returns the first as soon as there is one; that is one of Health Never if the store cannot be reached, after 5 seconds at the
// latest. An outage is no error but the snapshot's Health. It returns ctx.Err(), kv.ErrClosed after the close of the view or its
// registry, or kv.ErrInvalid for a name out of bounds.
func (v *View) Next(ctx context.Context, gen uint64) (*Snapshot, error) {
	return v.until(ctx, func(s *Snapshot) bool { return s.Gen > gen })
}

// WaitFor waits until the store has answered and at least n instances pass all filters, and returns that snapshot. Its errors are those
// of Next; when ctx ends while the store does not answer, the error tells why it does not, too.
func (v *View) WaitFor(ctx context.Context, n int, filters ...Filter) (*Snapshot, error) {
	return v.until(ctx, func(s *Snapshot) bool { return s.Health != Never && s.Count(filters...) >= n })
}

// Refresh reads the whole set again, now, and returns a snapshot that has at least what was in the store when it was called. A view
// finds changes by itself; this is for a caller who has reason to doubt it. It returns the store's error if it cannot be read, and
// those of Next; while the store is silent it waits.
func (v *View) Refresh(ctx context.Context) (*Snapshot, error) {
	if err := v.usable(ctx); err != nil {
		return nil, v.fail(err)
	}
	done := v.f.beginAnew()
	defer v.f.forget(done)
	err := kv.ErrClosed
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	case <-v.done:
	case <-v.f.ctx.Done():
	}
	if err != nil {
		return nil, v.fail(err)
	}
	return v.Snapshot(), nil
}

// until returns the first snapshot that is good.
func (v *View) until(ctx context.Context, good func(*Snapshot) bool) (*Snapshot, error) {
	if err := v.usable(ctx); err != nil {
		return nil, v.fail(err)
	}
	for {
		s, changed := v.f.latest()
		if v.f.ctx.Err() != nil {
			return nil, v.fail(kv.ErrClosed)
		}
		if good(s) {
			return s, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, v.fail(withCause(ctx.Err(), s.Err))
		case <-v.done:
			return nil, v.fail(kv.ErrClosed)
		case <-v.f.ctx.Done():
			return nil, v.fail(kv.ErrClosed)
		}
	}
}

func (v *View) usable(ctx context.Context) error {
	if err := kv.ValidateContext(ctx); err != nil {
		return err
	}
	if v.f == nil {
		return v.err
	}
	select {
	case <-v.done:
		return kv.ErrClosed
	default:
		return ctx.Err()
	}
}

func (v *View) fail(err error) error { return &Error{Op: "view", Service: v.service, Err: err} }

// Watch yields the snapshots of a service: the first one as soon as there is one, and then each newer one; a caller that is slow
// gets the newest and not each between. What is different is told by [Snapshot.Diff]. It ends when the caller stops ranging, or
// with one last error: those of [View.Next].
func (r *Registry) Watch(ctx context.Context, service string) iter.Seq2[*Snapshot, error] {
	return func(yield func(*Snapshot, error) bool) {
		v := r.View(service)
		defer v.Close()
		for gen := uint64(0); ; {
			s, err := v.Next(ctx, gen)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(s, nil) {
				return
			}
			gen = s.Gen
		}
	}
}
