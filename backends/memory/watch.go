package memory

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/coordkit/coord/kv"
)

const (
	// history is how many steps are kept for a watch whose reader is slow or cut off. A reader further behind gets a Reset.
	history = 1024
	// progressEvery is how often a watch tells that the store answers.
	progressEvery = 5 * time.Second
)

// watch is a range that somebody follows. Its log is written by those who hold data.mu for writing and taken by its one reader, who
// holds it for reading.
type watch struct {
	start, end kv.Key
	log        []kv.RangeEvent // what was not taken yet; its values and slices are shared
	lost       bool            // the log has a gap, or was never begun: a Reset is due
	wake       chan struct{}   // holds one when there is something to take
}

// add notes a step.
func (w *watch) add(e kv.RangeEvent) {
	if w.lost {
		return // the Reset will show it
	}
	if len(w.log) < history {
		w.log = append(w.log, e)
	} else {
		w.log, w.lost = nil, true
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// publishPutLocked tells watches that the item was created or changed.
func (d *data) publishPutLocked(it *item) {
	if len(d.watches) == 0 {
		return
	}
	e := kv.RangeEvent{Version: it.version, Puts: kv.Records{it.recordLocked()}}
	for w := range d.watches {
		if w.start <= it.key && it.key <= w.end {
			w.add(e)
		}
	}
}

// publishDeletesLocked tells watches that the keys were removed, in one step, to which it gives a position. It sorts the keys.
func (d *data) publishDeletesLocked(keys []kv.Key) {
	v := d.nextLocked()
	if len(d.watches) == 0 {
		return
	}
	slices.Sort(keys)
	for w := range d.watches {
		first, _ := slices.BinarySearch(keys, w.start)
		end, found := slices.BinarySearch(keys, w.end)
		if found {
			end++
		}
		if first < end {
			w.add(kv.RangeEvent{Version: v, Deletes: keys[first:end:end]})
		}
	}
}

// WatchRange implements kv.RangeWatcher. Events are yielded on the caller's goroutine; the values in them are the caller's own. A handle
// that is cut off is silent, also if it was when the watch began. After the reconnection the watch goes on where it was, or with
// a Reset if more than a thousand steps were missed.
func (s *Storage) WatchRange(ctx context.Context, startKey, endKey kv.Key) iter.Seq2[kv.RangeEvent, error] {
	return func(yield func(kv.RangeEvent, error) bool) {
		if err := s.watchRange(ctx, startKey, endKey, yield); err != nil {
			yield(kv.RangeEvent{}, opError("watch range", startKey, err))
		}
	}
}

// watchRange returns nil if the caller stops ranging.
func (s *Storage) watchRange(
	ctx context.Context, startKey, endKey kv.Key, yield func(kv.RangeEvent, error) bool,
) error {
	if err := kv.ValidateContext(ctx); err != nil {
		return err
	}
	w := &watch{start: startKey, end: endKey, lost: true, wake: make(chan struct{}, 1)}
	s.d.mu.Lock()
	s.d.watches[w] = struct{}{}
	s.d.mu.Unlock()
	defer func() {
		s.d.mu.Lock()
		delete(s.d.watches, w)
		s.d.mu.Unlock()
	}()
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for due := false; ; {
		events, back := s.take(w, due)
		due = due && back != nil // cut off, it stays due
		for _, e := range events {
			if err := s.ended(ctx); err != nil {
				return err
			}
			if !yield(ownEvent(e), nil) {
				return nil
			}
		}
		if err := s.ended(ctx); err != nil {
			return err
		}
		select {
		case <-w.wake:
		case <-back:
		case <-ticker.C:
			due = true
		case <-ctx.Done():
		case <-s.closed:
		}
	}
}

// ended tells why a watch is at its end, or nil.
func (s *Storage) ended(ctx context.Context) error {
	if s.isClosed() {
		return kv.ErrClosed
	}
	return ctx.Err()
}

// take returns what the watch has to tell, with word of progress if that is due. While the handle is cut off that is nothing, and
// back is closed when it is connected again.
func (s *Storage) take(w *watch, progress bool) (events []kv.RangeEvent, back <-chan struct{}) {
	s.d.mu.RLock()
	defer s.d.mu.RUnlock()
	if s.cut {
		return nil, s.back
	}
	if w.lost {
		w.lost = false
		events = []kv.RangeEvent{{Reset: true, Version: s.d.version, Puts: s.d.rangeLocked(w.start, w.end)}}
	} else {
		events, w.log = w.log, nil
	}
	if progress {
		// The log is empty now, so the watch has told everything up to the store's position.
		events = append(events, kv.RangeEvent{Version: s.d.version, Progress: true})
	}
	return events, nil
}

// ownEvent makes the event the caller's own.
func ownEvent(e kv.RangeEvent) kv.RangeEvent {
	puts := e.Puts
	e.Puts = slices.Clone(e.Puts)
	for i := range puts {
		e.Puts[i] = own(puts[i])
	}
	e.Deletes = slices.Clone(e.Deletes)
	return e
}
