//go:build unix

package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/coordkit/coord/kv"
)

// standing is how things stand for one who waits.
type standing struct {
	place   int // in the queue, from 1; 0: not in it
	waiting int // how many queue, as far as it was asked
	// who has it, verb before it: "held by", "web-1/312 (make)"; empty if nobody has it.
	verb, who string
	// token tells the first who has it from others; note and since are that one's.
	token kv.Version
	note  string
	since time.Time
}

// taken says on which account it is not to be had.
func (s standing) taken() string {
	if s.who == "" {
		return fmt.Sprintf("%d ahead", s.waiting)
	}
	return s.verb + " " + s.who
}

// String is what one who waits is told.
func (s standing) String() string {
	var parts []string
	if s.place > 0 {
		parts = append(parts, fmt.Sprintf("place %d in the queue", s.place))
	}
	if s.who != "" {
		parts = append(parts, s.verb+" "+s.who)
		if !s.since.IsZero() {
			parts[len(parts)-1] += " for " + max(0, time.Since(s.since)).Truncate(time.Second).String()
		}
	}
	if s.note != "" {
		parts = append(parts, fmt.Sprintf("%q", s.note))
	}
	return strings.Join(parts, ", ")
}

// follow calls set with how things stand, now and after each change, until ctx or the watch ends. One watch feeds it: look, which makes one
// GetRange, reads what the watch has shown, so that a change costs the store no read for each of those who wait. On a store that cannot
// watch a range it looks once.
func follow(ctx context.Context, st kv.Storage, look func(context.Context, kv.Storage) (standing, error), set func(standing)) error {
	seen := &sight{}
	if _, err := look(ctx, seen); err != nil {
		return err
	}
	watcher, ok := kv.As[kv.RangeWatcher](st)
	if !ok {
		now, err := look(ctx, st)
		if err == nil {
			set(now)
		}
		return err
	}
	records := make(map[kv.Key]kv.Record)
	for ev, err := range watcher.WatchRange(ctx, seen.start, seen.end) {
		switch {
		case err != nil:
			return err
		case ev.Progress:
			continue
		case ev.Reset:
			clear(records)
		}
		for _, key := range ev.Deletes {
			delete(records, key)
		}
		for _, r := range ev.Puts {
			records[r.Key] = r
		}
		seen.records = slices.SortedFunc(maps.Values(records), func(a, b kv.Record) int { return strings.Compare(string(a.Key), string(b.Key)) })
		now, err := look(ctx, seen)
		if err != nil {
			return err
		}
		set(now)
	}
	return ctx.Err()
}

// sight answers a GetRange with what was seen of that range, and remembers which range was asked for.
type sight struct {
	kv.Storage
	start, end kv.Key
	records    kv.Records
}

func (s *sight) GetRange(_ context.Context, start, end kv.Key) (kv.Records, error) {
	s.start, s.end = start, end
	return slices.Clone(s.records), nil
}

// plural is a number of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
