package line

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
)

// Every member of a line sees every event of a view, so the events of a handoff grow with the line's length, while waiting for one's
// own blocker costs the same in any line. Where the two meet was measured, on etcd, with a session for each member.
const (
	// openUpTo is the longest line for which a view is opened.
	openUpTo = 12
	// closeAbove is the longest line for which one is kept.
	closeAbove = 15
	// linger is how long a view is kept without members: who comes again at once finds it open.
	linger = 2 * time.Second
)

// errViewClosed: the attempt has to go on without the view.
var errViewClosed = errors.New("view closed")

// view is a line seen through one watch, by all attempts of one lease that wait in it.
//
// Its events come in the store's order, so at each of its positions it shows the line as it was at one moment. An attempt judges
// it only at positions from its own creation on: there its own entry is seen if it is there, and so is everybody before it. If
// nobody of those is in the way the place is granted with no further read: at that moment of the store it was so.
//
// The attempt stays a member while it holds: a view that shows its key gone ends the hold.
type view struct {
	c      *common
	around kv.Key
	root   kv.Key
	aside  kv.Key
	failed bool          // the watch has ended by itself; written before closed is closed
	closed chan struct{} // closed when the view shows nothing any more

	mu      sync.Mutex
	at      kv.Version // the position; zero until the line was read
	entries map[kv.Key]Entry
	beside  kv.Record             // the record at aside
	news    chan struct{}         // closed and replaced with each position
	members map[*attempt]struct{} // nil once closed
	idle    *time.Timer           // closes a view without members; nil until there is one
	stop    context.CancelFunc    // ends the watch; nil until it runs
	ended   bool                  // it has to close
}

func newView(c *common, cfg *Config) *view {
	return &view{
		c: c, around: cfg.Around, root: cfg.Root, aside: cfg.Aside,
		closed: make(chan struct{}), news: make(chan struct{}), members: make(map[*attempt]struct{}),
	}
}

// run follows the line until it is too long, nobody looks any more, or the watch ends: then the members go on by themselves. If it is the
// watch that has ended, they open no other, or a store that refuses it would be asked without end.
func (v *view) run(ctx context.Context, rw kv.RangeWatcher) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer v.close()
	if !v.started(cancel) {
		return
	}
	start, end := kv.PrefixRange(v.around)
	for ev, err := range rw.WatchRange(ctx, start, end) {
		if err != nil {
			v.failed = true
			return
		}
		if !v.apply(ev) {
			return
		}
	}
}

func (v *view) started(stop context.CancelFunc) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stop = stop
	return !v.ended
}

// apply moves the view to the event's position, and tells the members. It returns false if the view is to be closed.
func (v *view) apply(ev kv.RangeEvent) bool {
	v.mu.Lock()
	if ev.Reset {
		v.entries, v.beside = make(map[kv.Key]Entry, len(ev.Puts)), kv.Record{}
	}
	for _, key := range ev.Deletes {
		delete(v.entries, key)
		if key == v.aside {
			v.beside = kv.Record{}
		}
	}
	for _, r := range ev.Puts {
		switch {
		case r.Key == v.aside:
			v.beside = r
		case strings.HasPrefix(string(r.Key), string(v.root)):
			e := place(r)
			v.entries[r.Key] = e
			v.c.sweep(e)
		}
	}
	v.at = ev.Version
	var gone []*attempt
	for a := range v.members {
		if v.goneLocked(a) {
			gone = append(gone, a)
		}
	}
	tooLong := len(v.entries) > closeAbove
	if !ev.Progress {
		close(v.news)
		v.news = make(chan struct{})
	}
	v.mu.Unlock()
	for _, a := range gone {
		a.lose("key deleted")
	}
	return !tooLong
}

// goneLocked reports whether the attempt's entry was there and is not any more.
func (v *view) goneLocked(a *attempt) bool {
	return v.at >= a.token && v.entries[a.key].Token != a.token
}

// sightLocked is the line before the attempt; false while the view is not that far.
func (v *view) sightLocked(a *attempt) (Sight, bool) {
	if v.at < a.from {
		return Sight{}, false
	}
	s := Sight{Own: v.entries[a.key], Aside: v.beside}
	for _, e := range v.entries {
		switch {
		case e.Token < a.token:
			s.Before = append(s.Before, e)
		case e.Token > a.token:
			s.After = append(s.After, e)
		}
	}
	s.arrange()
	return s, true
}

// await returns when nobody is in the attempt's way, with the line as it was then; or, with an error, as it was last seen: that is s
// until the view has come so far.
func (v *view) await(ctx context.Context, a *attempt, s Sight) (Sight, error) {
	for {
		v.mu.Lock()
		now, known := v.sightLocked(a)
		lost := v.goneLocked(a)
		news := v.news
		v.mu.Unlock()
		if known {
			s = now
			if lost {
				return s, errKeyGone
			}
			wait, err := a.inTheWay(s)
			if err != nil || len(wait) == 0 {
				return s, err
			}
		}
		select {
		case <-news:
		case <-v.closed:
			return s, errViewClosed
		case <-ctx.Done():
			return s, ctx.Err()
		}
	}
}

// add makes the attempt a member; c.mu is held, so the view is not being dropped.
func (v *view) add(a *attempt) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.members == nil {
		return // closed in this moment; await tells
	}
	v.members[a] = struct{}{}
	if v.idle != nil {
		v.idle.Stop()
	}
}

// remove ends a membership. A view that has no members is closed after a while.
func (v *view) remove(a *attempt) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, member := v.members[a]; !member {
		return
	}
	delete(v.members, a)
	if len(v.members) > 0 {
		return
	}
	if v.idle == nil {
		v.idle = time.AfterFunc(linger, v.closeIdle)
	} else {
		v.idle.Reset(linger)
	}
}

// closeIdle closes the view if it has no members still.
func (v *view) closeIdle() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.members) > 0 {
		return
	}
	v.ended = true
	if v.stop != nil {
		v.stop()
	}
}

// close lets the members go.
func (v *view) close() {
	v.c.drop(v)
	v.mu.Lock()
	members := v.members
	v.members = nil
	if v.idle != nil {
		v.idle.Stop()
	}
	close(v.closed)
	v.mu.Unlock()
	for a := range members {
		a.unseen()
	}
}

// shows reports whether the view still shows the line.
func (v *view) shows() bool {
	if v == nil {
		return false
	}
	select {
	case <-v.closed:
		return false
	default:
		return true
	}
}
