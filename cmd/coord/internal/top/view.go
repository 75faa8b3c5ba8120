package top

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/coordkit/coord/kv"
)

// order is what the things are sorted by.
type order int

const (
	byName order = iota
	byQueue
	byAge
	orders int = iota
)

func (o order) String() string { return [...]string{"name", "queue", "age"}[o] }

// view is what of the board is shown, and how.
type view struct {
	board  *board
	leases leases
	store  store

	columns, rows int // of the screen; 0 columns are no bound
	glyphs        glyphs
	once          bool // it is drawn once: no time is in it

	tab     int // 0 is all, else a kind and one
	order   order
	reverse bool
	filter  string
	typing  bool // the filter is being written
	hidden  bool // the details are
	cursor  place
	chosen  int // where in the list the cursor was when it was drawn
	scroll  int // the first line of the list on the screen
}

func newView() *view {
	return &view{board: newBoard(), leases: make(leases), glyphs: unicodeGlyphs}
}

// shown are the things of one kind that pass the filter, in order. Those of one rank are sorted by name.
func (v *view) shown(k kind) []*thing {
	if v.tab != 0 && v.tab != int(k)+1 {
		return nil
	}
	things := slices.DeleteFunc(v.board.things(k), func(t *thing) bool { return !v.passes(t) })
	slices.SortFunc(things, func(a, b *thing) int {
		n := 0
		switch v.order {
		case byQueue:
			n = b.length() - a.length()
		case byAge:
			n = compareAge(a.oldest(), b.oldest())
		}
		if n == 0 {
			n = cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.part, b.part))
			if v.order != byName {
				return n
			}
		}
		if v.reverse {
			n = -n
		}
		return n
	})
	return things
}

// compareAge sorts the oldest first, and last what has no age.
func compareAge(a, b time.Time) int {
	if a.IsZero() != b.IsZero() {
		return map[bool]int{true: 1, false: -1}[a.IsZero()]
	}
	return a.Compare(b)
}

// all are the things shown, in the order of the screen.
func (v *view) all() []*thing {
	var out []*thing
	for k := range kind(kinds) {
		out = append(out, v.shown(k)...)
	}
	return out
}

// passes says whether the filter is in the name, or in what is told of those who have the thing or wait for it.
func (v *view) passes(t *thing) bool {
	if v.filter == "" {
		return true
	}
	want := strings.ToLower(v.filter)
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), want) }
	member := func(m member) bool { return has(m.label) || has(m.owner.Name) || has(m.owner.Program) || has(m.note) }
	return has(t.name) || slices.ContainsFunc(t.has, member) || slices.ContainsFunc(t.waits, member)
}

// selected is the thing under the cursor, and its index in all. When it has gone the cursor stays where it was in the list.
func (v *view) selected(all []*thing) (*thing, int) {
	if len(all) == 0 {
		return nil, -1
	}
	i := slices.IndexFunc(all, func(t *thing) bool { return t.place == v.cursor })
	if i < 0 {
		i = min(v.chosen, len(all)-1)
	}
	return all[i], i
}

// move moves the cursor by n things.
func (v *view) move(n int) {
	all := v.all()
	if _, i := v.selected(all); i >= 0 {
		v.chosen = max(0, min(len(all)-1, i+n))
		v.cursor = all[v.chosen].place
	}
}

// leaseIDs are the leases that the screen tells of: of the thing under the cursor all, then those of the ones who have the others.
// It is asked of what was drawn, all.
func (v *view) leaseIDs(all []*thing) []kv.LeaseId {
	var ids []kv.LeaseId
	if t, i := v.selected(all); t != nil && !v.once {
		for _, m := range slices.Concat(t.has, t.waits) {
			ids = append(ids, m.lease)
		}
		all = all[max(0, i-v.rows):min(len(all), i+v.rows)]
	}
	for _, t := range all {
		for _, m := range t.has {
			ids = append(ids, m.lease)
		}
	}
	return ids
}
