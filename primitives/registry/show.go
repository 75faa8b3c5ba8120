package registry

import (
	"cmp"
	"fmt"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
)

// unheardAfter is how long a store may leave a view without a first set before that is told.
const unheardAfter = 5 * time.Second

// errSilent is why nothing is known of a store that neither answers nor fails.
func errSilent(d time.Duration) error {
	return fmt.Errorf("%w: nothing heard for %v", kv.ErrUnavailable, d)
}

// show is the goroutine's own part of a feed: what the service is, what of it is shown, and when to look again.
type show struct {
	f     *feed
	model *model

	began  time.Time
	health Health
	err    error     // why the store does not answer
	heard  time.Time // when the store was heard of last
	silent time.Time // since when it is called stale
	gen    uint64
	shown  time.Time         // when the last snapshot was made
	told   session.EventKind // the last event
	deaf   time.Time         // when the store was heard of last before that was told to be stale; before it was at all, when it began
	news   bool              // the model has what the last snapshot has not
}

// run keeps the snapshot until the feed ends.
func (f *feed) run() {
	var follower sync.WaitGroup
	defer follower.Wait()
	follower.Go(f.follow)
	defer f.cancel()
	s := &show{f: f, began: time.Now(), model: newModel(f.service, newGuard(f.r.moment(), f.r.opts.HoldFor))}
	s.deaf = s.began
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case seen := <-f.sights:
			s.see(seen, time.Now())
		case <-timer.C:
		case <-f.ctx.Done():
			s.end(time.Now())
			f.r.tellHook(session.Event{Kind: session.ViewClosed, Name: f.service, Before: s.told})
			return
		}
		now := time.Now()
		s.look(now)
		s.tellHook()
		timer.Stop()
		if next := s.next(); !next.IsZero() {
			timer.Reset(next.Sub(now))
		}
	}
}

// see takes in what the follower tells.
func (s *show) see(seen sight, now time.Time) {
	if seen.err != nil {
		s.f.refreshed(seen.attempt, seen.err)
		if s.err == nil {
			s.f.r.opts.Logger.Warn("watching a service failed, and goes on", "service", s.f.service, "err", seen.err)
		}
		if s.health != Live {
			s.fail(seen.err, now)
		} else {
			s.err = seen.err // to be told if it lasts
		}
		return
	}
	if s.health == Stale {
		s.model.guard.putOff(now.Sub(s.silent))
	}
	s.heard, s.err = now, nil
	news := s.model.apply(seen.event, now)
	s.news = s.news || news || s.health != Live && seen.event.Reset
	switch {
	case seen.event.Reset:
		s.health = Live
	case s.health == Stale: // only a Reset makes a set of one that was never read
		s.health, s.news = Live, true
	}
	if seen.event.Reset && s.f.awaited(seen.attempt) {
		if s.news {
			s.publish(now)
		}
		s.f.refreshed(seen.attempt, nil)
	}
}

// fail shows why the store does not answer, unless that is shown already.
func (s *show) fail(err error, now time.Time) {
	if s.err != nil && s.err.Error() == err.Error() && s.gen > 0 {
		return
	}
	s.err = err
	s.publish(now)
}

// look does what is due.
func (s *show) look(now time.Time) {
	switch {
	case s.health == Live && now.Sub(s.heard) >= staleAfter:
		s.health, s.silent = Stale, now
		s.err = cmp.Or(s.err, errSilent(staleAfter))
		s.publish(now)
	case s.gen == 0 && now.Sub(s.began) >= unheardAfter:
		s.fail(errSilent(unheardAfter), now)
	}
	quiet := s.shown.IsZero() || now.Sub(s.shown) >= s.f.r.opts.Debounce
	if !quiet || s.health != Live { // an outage adds nothing to what is known, and lets nobody go
		return
	}
	if s.model.guard.judge(len(s.model.present), now) || s.news {
		s.publish(now)
	}
}

// end shows that nobody follows the service any more: what was shown last is Stale from now on, whatever is known beyond it.
func (s *show) end(now time.Time) {
	if last := s.f.snap.Load(); last.Health == Live {
		snap := *last
		snap.Gen, snap.Health, snap.At, snap.Err = last.Gen+1, Stale, now, kv.ErrClosed
		s.f.replace(&snap)
	}
}

// next is when look has something to do, if nothing happens before; zero for never.
func (s *show) next() time.Time {
	var next time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	if s.gen == 0 {
		sooner(s.began.Add(unheardAfter))
	}
	if s.health == Live {
		sooner(s.heard.Add(staleAfter))
		free := s.shown.Add(s.f.r.opts.Debounce)
		if s.news {
			sooner(free)
		}
		if at := s.model.guard.next(); !at.IsZero() {
			sooner(later(at, free))
		}
	}
	return next
}

func (s *show) publish(now time.Time) {
	snap := s.model.snapshot()
	s.gen++
	snap.Gen, snap.Health, snap.At = s.gen, s.health, now
	if s.health != Live {
		snap.Err = s.err
	}
	s.shown, s.news = now, false
	s.f.replace(snap)
}

// later returns the later of two times.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// tellHook tells the user's hook whether the store is heard of, if that is not what it was told last.
func (s *show) tellHook() {
	e := session.Event{Name: s.f.service, Before: s.told}
	switch {
	case s.health == Live && s.told != session.ViewLive:
		e.Kind, e.Took = session.ViewLive, s.heard.Sub(s.deaf)
	case s.health == Stale && s.told != session.ViewStale:
		e.Kind, e.Took, e.Err = session.ViewStale, s.silent.Sub(s.heard), s.err
		s.deaf = s.heard
	default:
		return
	}
	s.told = e.Kind
	s.f.r.tellHook(e)
}
