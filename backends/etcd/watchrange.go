package etcd

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/coordkit/coord/kv"
)

// askProgress is the silence after which the server is asked how far it is. It may drop the question while one of the
// stream's watches is catching up, so that there must be room for several within the ten seconds that are promised.
const askProgress = 3 * time.Second

// WatchRange follows the range as [kv.RangeWatcher] says, through one watch. It runs on the caller's goroutine: while the loop's
// body is busy, events queue up in memory. With authentication on it needs the right to read the whole range.
func (s *Storage) WatchRange(ctx context.Context, startKey, endKey kv.Key) iter.Seq2[kv.RangeEvent, error] {
	return func(yield func(kv.RangeEvent, error) bool) {
		err := kv.ValidateContext(ctx)
		if err == nil {
			err = s.ready(ctx)
		}
		if err == nil {
			err = s.watchRange(ctx, startKey, endKey, yield)
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(kv.RangeEvent{}, opError("watch range", startKey, err))
		}
	}
}

// errStopped is the end that the caller chose.
var errStopped = errors.New("caller stopped ranging")

func (s *Storage) watchRange(ctx context.Context, startKey, endKey kv.Key, yield func(kv.RangeEvent, error) bool) error {
	both, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()

	first, end, ok := bounds(startKey, endKey)
	f := &follower{s: s, startKey: startKey, endKey: endKey, first: first, end: end, yield: yield}
	step := f.follow
	if !ok {
		step = f.idle
	}
	for n := 0; ; n++ {
		before := f.seen
		err := step(both)
		switch {
		case errors.Is(err, errStopped):
			return err
		case s.ctx.Err() != nil:
			return kv.ErrClosed
		case ctx.Err() != nil:
			return ctx.Err()
		case compacted(err):
			f.seen = 0
		case !transient(err):
			if no := f.refusal(both); no != nil {
				return no
			}
		}
		if f.seen > before {
			n = 0
		}
		s.opts.Logger.Info("range watch lost, opening it again", "key", startKey, "err", err)
		_ = pause(both, jittered(n, 10*time.Millisecond, time.Second)) // an end of ctx is seen by the next step
	}
}

// follower is one range being watched.
type follower struct {
	s                *Storage
	startKey, endKey kv.Key
	first, end       []byte
	yield            func(kv.RangeEvent, error) bool
	seen             int64 // yielded up to this revision; zero: a Reset is due
}

// follow opens the watch, from now or after what was yielded, and yields until it ends; the error says why.
func (f *follower) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	from := f.seen
	if from > 0 {
		from++
	}
	events := f.s.watch(ctx, f.first, f.end, from)
	silence := time.NewTicker(askProgress)
	defer silence.Stop()
	for {
		select {
		case resp, ok := <-events:
			if !ok {
				return errWatchEnded
			}
			silence.Reset(askProgress)
			if err := f.take(ctx, resp); err != nil {
				return err
			}
		case <-silence.C:
			// Asked through the stream that this watch is on. It blocks while the stream is being opened again, when there is
			// nothing else to do.
			ask, done := context.WithTimeout(clientv3.WithRequireLeader(ctx), time.Second)
			_ = f.s.watcher.RequestProgress(ask) // a failure is silence, which is what it is to be
			done()
		}
	}
}

// take deals with one response.
func (f *follower) take(ctx context.Context, resp clientv3.WatchResponse) error {
	if err := ending(resp); err != nil {
		return err
	}
	switch {
	case resp.Created:
		if f.seen != 0 {
			return nil // resumed
		}
		return f.reset(ctx)
	case len(resp.Events) > 0:
		return f.changes(resp.Events)
	case f.seen != 0 && resp.Header.GetRevision() >= f.seen:
		f.seen = resp.Header.GetRevision()
		return f.give(kv.RangeEvent{Version: kv.Version(f.seen), Progress: true})
	}
	return nil
}

// reset yields the range. The watch stands already; what it reports up to the revision of this read is dropped.
func (f *follower) reset(ctx context.Context) error {
	recs, rev, err := f.s.getRange(ctx, f.startKey, f.endKey)
	if err != nil {
		return err
	}
	f.seen = rev
	return f.give(kv.RangeEvent{Reset: true, Version: kv.Version(rev), Puts: recs})
}

// changes yields one event per revision, which is one atomic step of the store. A response holds whole revisions.
func (f *follower) changes(events []*clientv3.Event) error {
	for len(events) > 0 {
		rev := events[0].Kv.ModRevision
		n := 1
		for n < len(events) && events[n].Kv.ModRevision == rev {
			n++
		}
		if rev > f.seen {
			f.seen = rev
			if err := f.give(oneStep(events[:n])); err != nil {
				return err
			}
		}
		events = events[n:]
	}
	return nil
}

// oneStep is the event of one revision. etcd refuses a transaction that writes a key twice.
func oneStep(events []*clientv3.Event) kv.RangeEvent {
	e := kv.RangeEvent{Version: kv.Version(events[0].Kv.ModRevision)}
	for _, ev := range events {
		if ev.Type == clientv3.EventTypeDelete {
			e.Deletes = append(e.Deletes, kv.Key(ev.Kv.Key))
		} else {
			e.Puts = append(e.Puts, record(ev.Kv))
		}
	}
	slices.Sort(e.Deletes)
	slices.SortFunc(e.Puts, func(a, b kv.Record) int { return strings.Compare(string(a.Key), string(b.Key)) })
	return e
}

// give yields an event.
func (f *follower) give(e kv.RangeEvent) error {
	if !f.yield(e, nil) {
		return errStopped
	}
	return nil
}

// idle stands in for the watch of a range in which there can be nothing: it tells how far the store is.
func (f *follower) idle(ctx context.Context) error {
	for {
		resp, err := f.s.rangeOnce(ctx, &pb.RangeRequest{Key: []byte{0}, CountOnly: true})
		if err != nil {
			return err
		}
		rev := resp.Header.Revision
		e := kv.RangeEvent{Version: kv.Version(rev), Progress: f.seen != 0, Reset: f.seen == 0}
		if e.Reset {
			e.Puts = kv.Records{}
		}
		f.seen = max(f.seen, rev)
		if err := f.give(e); err != nil {
			return err
		}
		if err := pause(ctx, askProgress); err != nil {
			return err
		}
	}
}

// refusal asks the store with a plain read whether it refuses this caller.
func (f *follower) refusal(ctx context.Context) error {
	req := &pb.RangeRequest{Key: f.first, RangeEnd: f.end, CountOnly: true}
	if len(f.first) == 0 {
		req = &pb.RangeRequest{Key: []byte{0}, CountOnly: true}
	}
	_, err := f.s.rangeOnce(ctx, req)
	if err != nil && refused(err) {
		return err
	}
	return nil
}
