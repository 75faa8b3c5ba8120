//go:build unix

package cli

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coordkit/coord/kv"
)

// watch shows the source now and at each change, until ctx ends. What is left of leases is no change: it is shown as it is when something
// else has happened.
func watch[T object](ctx context.Context, o *output, st kv.Storage, src source[T]) error {
	ctx, cancel := context.WithCancel(ctx)
	f := newFollower(ctx, st, src.start, src.end)
	defer f.wg.Wait()
	defer cancel()
	var shown snapshot
	for {
		objects, err := readFor(ctx, o.app, st, src, shown == nil)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		now, err := newSnapshot(objects)
		if err != nil {
			return err
		}
		if shown == nil || !maps.Equal(now, shown) {
			if err := writeChange(o, st, src, objects, shown, now); err != nil {
				return err
			}
			shown = now
		}
		select {
		case <-f.changed:
		case err := <-f.failed:
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

// retryRead is how long after a read that failed in an outage the next one comes.
const retryRead = time.Second

// readFor reads the source. The first time the store must answer in time; later an outage is waited out, and spoken of once.
func readFor[T object](ctx context.Context, a *app, st kv.Storage, src source[T], first bool) ([]T, error) {
	for told := false; ; told = true {
		bounded, cancel := context.WithTimeout(ctx, answerWithin)
		objects, err := src.read(bounded, st)
		cancel()
		if first || !isOutage(err) || ctx.Err() != nil {
			return objects, err
		}
		if !told {
			a.say("coord: %v; trying again\n", err)
		}
		pause(ctx, retryRead)
	}
}

// snapshot is what was read at one moment, in JSON without the time left of leases, by the objects' ids.
type snapshot map[string]string

func newSnapshot[T object](objects []T) (snapshot, error) {
	s := make(snapshot, len(objects))
	for _, v := range objects {
		text, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		s[v.id()] = string(text)
	}
	return s, nil
}

// writeChange shows what is now instead of what was, which is nil at first. As one object a line it shows those that are new or other than
// before, and those that have gone, marked. All else is shown whole: on a terminal in place of what was, elsewhere after it.
func writeChange[T object](o *output, st kv.Storage, src source[T], objects []T, was, now snapshot) error {
	if o.format == "jsonl" {
		objects = slices.DeleteFunc(slices.Clone(objects), func(v T) bool { return was[v.id()] == now[v.id()] })
	}
	text, err := render(o, st, src, objects)
	if err != nil {
		return err
	}
	var before, after []byte
	switch o.format {
	case "jsonl":
		after = gone(was, now)
	case "json":
	case "yaml":
		if was != nil {
			before = []byte("---\n")
		}
	default:
		switch term, _ := o.app.LookupEnv("TERM"); {
		case o.app.columns() > 0 && term != "" && term != "dumb":
			before = []byte("\x1b[H\x1b[2J")
		case was != nil:
			before = []byte("\n")
		}
	}
	_, err = o.app.Out.Write(slices.Concat(before, text, after))
	return err
}

// gone are the objects that are not there any more, as they were, each on a line.
func gone(was, now snapshot) []byte {
	var b []byte
	for _, id := range slices.Sorted(maps.Keys(was)) {
		if _, there := now[id]; !there {
			b = append(b, plainJSON([]byte(strings.TrimSuffix(was[id], "}")+`,"gone":true}`+"\n"))...)
		}
	}
	return b
}

// follower tells of changes in a range, however many there were, in its own goroutine, for as long as ctx lives.
type follower struct {
	changed chan struct{} // holds one when something has changed
	failed  chan error    // holds what ended it
	wg      sync.WaitGroup
}

// pollEvery is how often a store that cannot be watched is read.
const pollEvery = time.Second

func newFollower(ctx context.Context, st kv.Storage, start, end kv.Key) *follower {
	f := &follower{changed: make(chan struct{}, 1), failed: make(chan error, 1)}
	rw, ok := kv.As[kv.RangeWatcher](st)
	if !ok {
		f.wg.Go(func() { f.poll(ctx) })
		return f
	}
	f.wg.Go(func() {
		for ev, err := range rw.WatchRange(ctx, start, end) {
			if err != nil {
				f.failed <- err
				return
			}
			if !ev.Progress {
				f.tell()
			}
		}
	})
	return f
}

func (f *follower) tell() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

func (f *follower) poll(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			f.tell()
		case <-ctx.Done():
			f.failed <- ctx.Err()
			return
		}
	}
}
