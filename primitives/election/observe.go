package election

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/again"
	"github.com/coordkit/coord/primitives/internal/line"
)

// Observe yields who leads the election called name: first who does at present, then each change, in order: another leader, another
// value, or that nobody leads (Vacant). A caller that is slow is told the present state and not each step to it.
//
// The sequence lasts through outages of the store and compactions of its history, in which it is silent. It ends when the caller stops ranging,
// or with one last error: ctx.Err(), kv.ErrClosed, kv.ErrInvalid for a name out of bounds, a *RecordError, or the store's refusal.
// It makes no calls while nothing changes, and leaves nothing behind. No session is needed. On a store that is no kv.RangeWatcher an
// observer of an election that nobody has won yet writes an empty term record, to wait on.
func Observe(ctx context.Context, st kv.Storage, name string) iter.Seq2[LeaderInfo, error] {
	return func(yield func(LeaderInfo, error) bool) {
		err := kv.ValidateContext(ctx)
		if err == nil {
			err = ValidateName(name)
		}
		if err == nil {
			err = observe(ctx, st, name, yield)
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(LeaderInfo{}, &Error{Op: "observe", Name: name, Err: err})
		}
	}
}

// errStopped is the end that the caller chose.
var errStopped = errors.New("caller stopped ranging")

// observe yields what a follower in the background saw last, if the caller has not been told of it.
func observe(ctx context.Context, st kv.Storage, name string, yield func(LeaderInfo, error) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	seen := &latest{news: make(chan struct{}, 1)}
	ended := make(chan error, 1)
	var follower sync.WaitGroup
	defer follower.Wait()
	defer cancel()
	follower.Go(func() { ended <- follow(ctx, st, name, seen.set) })
	var told *LeaderInfo
	for {
		select {
		case <-seen.news:
		case err := <-ended:
			return err
		}
		now := seen.get()
		if told != nil && told.same(now) {
			continue
		}
		told = &now
		if !yield(now, nil) {
			return errStopped
		}
	}
}

// latest holds what was seen last.
type latest struct {
	mu   sync.Mutex
	info LeaderInfo
	news chan struct{} // holds one when there is something to get
}

func (l *latest) set(info LeaderInfo) {
	l.mu.Lock()
	l.info = info
	l.mu.Unlock()
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// get returns what was seen last, with a value of the caller's own.
func (l *latest) get() LeaderInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	info := l.info
	info.Value = bytes.Clone(info.Value)
	return info
}

// follow calls set with each state of the leadership until ctx ends or the store refuses. An outage is waited out.
func follow(ctx context.Context, st kv.Storage, name string, set func(LeaderInfo)) error {
	once := func() error { return followRecords(ctx, st, name, set) }
	if rw, ok := kv.As[kv.RangeWatcher](st); ok {
		once = func() error { return followRange(ctx, rw, name, set) }
	}
	for wait := again.New(again.First, again.Most); ; {
		start := time.Now()
		err := once()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case !errors.Is(err, kv.ErrUnavailable) && !errors.Is(err, kv.ErrUncertain):
			return err
		}
		wait.Lasted(time.Since(start))
		if err := wait.Wait(ctx); err != nil {
			return err
		}
	}
}

// followRecords reads and waits in turns. It returns the first error.
func followRecords(ctx context.Context, st kv.Storage, name string, set func(LeaderInfo)) error {
	for {
		now, err := read(ctx, st, name)
		if err != nil {
			return err
		}
		set(now.info)
		if err := untilChanged(ctx, st, name, now); err != nil {
			return err
		}
	}
}

// followRange sees the term and the entries through one watch, in the order in which they changed.
func followRange(ctx context.Context, rw kv.RangeWatcher, name string, set func(LeaderInfo)) error {
	key := termKey(name)
	start, end := kv.PrefixRange(root(name))
	entries := make(map[kv.Key]line.Entry)
	var t term
	for ev, err := range rw.WatchRange(ctx, start, end) {
		switch {
		case err != nil:
			return err
		case ev.Progress:
			continue
		case ev.Reset:
			clear(entries)
			t = term{}
		}
		for _, gone := range ev.Deletes {
			delete(entries, gone)
			if gone == key {
				t = term{}
			}
		}
		for _, r := range ev.Puts {
			if r.Key != key {
				entries[r.Key] = line.Decode(r)
			} else if t, err = decodeTerm(r); err != nil {
				return err
			}
		}
		if e := entries[t.Key]; t.isOf(e) {
			set(t.info(e))
		} else {
			set(vacant(t))
		}
	}
	return ctx.Err()
}

// untilChanged returns nil when the term record is not what it was, or when the leader's entry has gone.
func untilChanged(ctx context.Context, st kv.Storage, name string, was state) error {
	if was.record.Key == "" {
		// There is nothing to wait on yet.
		_, err := st.Create(ctx, kv.Record{Key: termKey(name), Value: term{}.encode()})
		if errors.Is(err, kv.ErrAlreadyExists) {
			return nil
		}
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	changed := make(chan error, 2)
	var waits sync.WaitGroup
	defer waits.Wait()
	defer cancel()
	for _, r := range []kv.Record{was.record, was.entry} {
		if r.Key == "" {
			continue
		}
		waits.Go(func() {
			_, err := st.WaitForVersionChange(ctx, r.Key, r.Version)
			if errors.Is(err, kv.ErrNotFound) {
				err = nil
			}
			changed <- err
		})
	}
	return <-changed
}
