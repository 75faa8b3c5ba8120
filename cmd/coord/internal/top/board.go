package top

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/coordkit/coord/kv"
)

// linger is how long a lock or a semaphore that nobody uses any more is shown as free: one that is busy is free for moments.
const linger = 10 * time.Second

// board is what is known of the store.
type board struct {
	groups map[place]*group
}

// group are the records of one place.
type group struct {
	records map[kv.Key]kv.Record
	thing   *thing // nil if they are no primitive's
}

func newBoard() *board { return &board{groups: make(map[place]*group)} }

// apply takes in a change. What it does not touch is not looked at.
func (b *board) apply(ev kv.RangeEvent, now time.Time) {
	if ev.Progress {
		return
	}
	touched := make(map[place]bool)
	if ev.Reset {
		for p, g := range b.groups {
			clear(g.records)
			touched[p] = true
		}
	}
	for _, key := range ev.Deletes {
		if p, ok := placeOf(key); ok && b.groups[p] != nil {
			delete(b.groups[p].records, key)
			touched[p] = true
		}
	}
	for _, r := range ev.Puts {
		p, ok := placeOf(r.Key)
		if !ok {
			continue
		}
		if b.groups[p] == nil {
			b.groups[p] = &group{records: make(map[kv.Key]kv.Record)}
		}
		b.groups[p].records[r.Key] = r
		touched[p] = true
	}
	for p := range touched {
		b.groups[p].look(p, ev.Reset, now)
	}
}

// look takes the records in. One that is new at a Reset was there before.
func (g *group) look(p place, reset bool, now time.Time) {
	records := slices.SortedFunc(maps.Values(g.records), func(a, b kv.Record) int { return strings.Compare(string(a.Key), string(b.Key)) })
	s, ok := inspect(p.kind, records)
	switch {
	case ok && g.thing == nil:
		g.thing = &thing{place: p}
		g.thing.become(s, reset, now)
	case ok:
		g.thing.become(s, false, now)
	case g.thing != nil: // nothing is left of it
		g.thing.become(state{name: g.thing.name}, false, now)
	}
}

// advance lets time pass.
func (b *board) advance(now time.Time) {
	for p, g := range b.groups {
		if len(g.records) == 0 && (g.thing == nil || now.Sub(g.thing.used) >= linger) {
			delete(b.groups, p)
			continue
		}
		if g.thing == nil {
			continue
		}
		g.thing.line.advance(now)
		if g.thing.inUseNow() {
			g.thing.used = now
		}
	}
}

// things are all of a kind, in no order.
func (b *board) things(k kind) []*thing {
	var out []*thing
	for p, g := range b.groups {
		if p.kind == k && g.thing != nil {
			out = append(out, g.thing)
		}
	}
	return out
}
