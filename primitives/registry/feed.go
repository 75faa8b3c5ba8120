package registry

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/again"
)

// staleAfter is how long a store may be silent before what is known of it is called stale. A store that answers is heard of every
// 10 seconds.
const staleAfter = 25 * time.Second

// feed keeps the present snapshot of one service, for all views of it in the process. Its one goroutine owns the model; a second one
// follows the store and tells the first.
type feed struct {
	r       *Registry
	service string
	ctx     context.Context
	cancel  context.CancelFunc

	users  int         // guarded by r.mu
	linger *time.Timer // ends the feed when nobody has used it for a while; nil while it is used; guarded by r.mu

	sights chan sight
	again  chan struct{} // holds one: the follower is to begin anew at once

	snap atomic.Pointer[Snapshot] // written with mu

	mu        sync.Mutex
	changed   chan struct{} // closed when snap is replaced, and made anew
	attempt   int           // how often it was asked to begin anew
	refreshes []refresh     // those who wait for it
}

// refresh is who waits for a set that was read in the attempt, or a later one.
type refresh struct {
	attempt int
	done    chan error // holds one
}

// sight is what the follower tells: an event, or why there is none.
type sight struct {
	attempt int
	event   kv.RangeEvent
	err     error
}

func newFeed(r *Registry, service string) *feed {
	f := &feed{
		r: r, service: service, sights: make(chan sight), again: make(chan struct{}, 1),
		changed: make(chan struct{}),
	}
	f.snap.Store(&Snapshot{Service: service})
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

// latest returns the present snapshot, and what is closed when there is another.
func (f *feed) latest() (*Snapshot, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.snap.Load(), f.changed
}

func (f *feed) replace(s *Snapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.snap.Store(s)
	close(f.changed)
	f.changed = make(chan struct{})
}

// beginAnew makes the follower read the whole set now, and returns what tells when it is shown, or why it cannot be.
func (f *feed) beginAnew() <-chan error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.attempt++
	done := make(chan error, 1)
	f.refreshes = append(f.refreshes, refresh{attempt: f.attempt, done: done})
	select {
	case f.again <- struct{}{}:
	default: // it will begin anyway, and the attempt is counted
	}
	return done
}

// forget takes back what beginAnew has returned done for: of a store that is silent for long, nobody else would.
func (f *feed) forget(done <-chan error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refreshes = slices.DeleteFunc(f.refreshes, func(r refresh) bool { return r.done == done })
}

// awaited reports whether somebody waits for what an attempt has brought.
func (f *feed) awaited(attempt int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.refreshes) > 0 && f.refreshes[0].attempt <= attempt
}

// refreshed answers those who waited for what an attempt has brought.
func (f *feed) refreshed(attempt int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.refreshes) > 0 && f.refreshes[0].attempt <= attempt {
		f.refreshes[0].done <- err
		f.refreshes = f.refreshes[1:]
	}
}

// follow tells what the store shows, again and again until the feed ends: nothing that the store says ends it, for a right that was
// taken away may be given back.
func (f *feed) follow() {
	for wait := again.New(again.First, again.Most); f.ctx.Err() == nil; {
		start := time.Now()
		err := f.followOnce()
		switch {
		case f.ctx.Err() != nil:
			return
		case err == nil: // asked to begin anew
			wait.Reset()
			continue
		}
		wait.Lasted(time.Since(start))
		timer := time.NewTimer(wait.Next())
		select {
		case <-timer.C:
		case <-f.again:
		case <-f.ctx.Done():
		}
		timer.Stop()
	}
}

// followOnce returns nil if it was asked to begin anew, and otherwise the store's error, which it has told.
func (f *feed) followOnce() error {
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	var asking sync.WaitGroup
	defer asking.Wait()
	asked, read := false, make(chan struct{})
	asking.Go(func() {
		if asked = f.asked(ctx, read); asked {
			cancel()
		}
	})
	f.mu.Lock()
	attempt := f.attempt
	f.mu.Unlock()
	hasRead := sync.OnceFunc(func() { close(read) })
	err := f.r.follow(ctx, f.service, func(ev kv.RangeEvent) {
		f.tell(sight{attempt: attempt, event: ev})
		hasRead()
	})
	cancel()
	asking.Wait()
	if asked {
		return nil
	}
	f.tell(sight{attempt: attempt, err: err})
	return err
}

// asked waits until somebody wants the follower to begin anew, and reports false if ctx ends before. It does not hear of that while the
// set is being read: many who ask, one after the other, would keep every read from coming to its end. But it does if that takes long,
// for it may be that no answer comes.
func (f *feed) asked(ctx context.Context, read <-chan struct{}) bool {
	timer := time.NewTimer(unheardAfter)
	defer timer.Stop()
	select {
	case <-read:
	case <-timer.C:
	case <-ctx.Done():
		return false
	}
	select {
	case <-f.again:
		return true
	case <-ctx.Done():
		return false
	}
}

func (f *feed) tell(s sight) {
	select {
	case f.sights <- s:
	case <-f.ctx.Done():
	}
}
