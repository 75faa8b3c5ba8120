package top

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/coordkit/coord/cmd/coord/internal/display"
	"github.com/coordkit/coord/kv"
)

var plurals = [kinds]string{lock: "Locks", semaphore: "Semaphores", election: "Elections", service: "Services"}

// minDetails is how many rows a screen has to have for details.
const minDetails = 14

// draw is the screen: as many lines as it has rows, none wider than it; and the leases that it tells of.
func (v *view) draw(now time.Time) ([]line, []kv.LeaseId) {
	v.board.advance(now)
	all := v.all()
	t, index := v.selected(all)
	if t != nil {
		v.cursor, v.chosen = t.place, index
	}
	head := []line{v.status(now), v.tabs(), v.filtered()}
	foot := []line{v.help()}
	if t != nil && !v.hidden && v.rows >= minDetails {
		foot = append(v.details(t, max(5, v.rows*2/5), now), nil, foot[0])
	}
	list, at := entries(all, t)
	room := max(1, v.rows-len(head)-len(foot))
	lines := append(head, v.lines(v.window(list, at, room), v.layout(all), t, now)...)
	if len(all) == 0 {
		lines = append(lines, v.nothing())
	}
	for len(lines) < v.rows-len(foot) {
		lines = append(lines, nil)
	}
	lines = append(lines, foot...)
	for i := range lines {
		lines[i] = lines[i].cut(v.columns)
	}
	return lines[:min(len(lines), v.rows)], v.leaseIDs(all)
}

// status is the first line: the store, and how it does.
func (v *view) status(now time.Time) line {
	name := span{"coord top", strong}
	where := span{text: "  " + display.Escape(v.store.name, "") + "  "}
	if out := v.store.outage(now); out != "" {
		return line{name, where, {" " + display.Escape(out, "") + " ", alarm}}
	}
	trip := "-"
	if n := len(v.store.trips); n > 0 {
		trip = precise(v.store.trips[n-1])
	}
	l := line{name, where, {"round trip " + trip + " " + spark(v.glyphs, v.store.trips, min(12, len(v.store.trips))), normal}}
	clock := now.Format(time.TimeOnly)
	if free := v.columns - display.Width(l.text()) - len(clock); free > 1 {
		l = append(l, span{strings.Repeat(" ", free) + clock, faint})
	}
	return l
}

// tabs are the kinds, how many there are of each, and what is shown of them.
func (v *view) tabs() line {
	var l line
	total := 0
	var counts [kinds]int
	for k := range kinds {
		counts[k] = len(v.board.things(kind(k)))
		total += counts[k]
	}
	add := func(n int, text string) {
		st := normal
		if v.tab == n {
			st = chosen
		}
		l = append(l, span{" " + text + " ", st})
	}
	add(0, fmt.Sprintf("All %d", total))
	for k := range kinds {
		add(k+1, fmt.Sprintf("%s %d", plurals[k], counts[k]))
	}
	sorted := "by " + v.order.String()
	if v.reverse {
		sorted += " reversed"
	}
	l = append(l, span{"  " + sorted, faint})
	return l
}

// filtered is the third line: what is looked for, if anything is.
func (v *view) filtered() line {
	switch {
	case v.typing:
		return line{{" /" + display.Escape(v.filter, ""), strong}, {" ", chosen}}
	case v.filter != "":
		return line{{" only with " + strconv.Quote(v.filter), strong}}
	}
	return nil
}

func (v *view) help() line {
	if v.typing {
		return line{{"type what to look for · enter keep · esc clear", faint}}
	}
	return line{{"q quit · tab kind · ↑↓ move · s sort · r reverse · / filter · enter details", faint}}
}

// entry is a line of the list: a thing, the titles of a kind, or neither.
type entry struct {
	thing *thing
	title kind // if there is no thing; none: an empty line
}

const none kind = -1

// entries are the lines of the list, and at which of them the cursor is.
func entries(all []*thing, cursor *thing) (list []entry, at int) {
	last := none
	for _, t := range all {
		if t.kind != last {
			if last != none {
				list = append(list, entry{title: none})
			}
			list = append(list, entry{title: t.kind})
			last = t.kind
		}
		if t == cursor {
			at = len(list)
		}
		list = append(list, entry{thing: t})
	}
	return list, at
}

// lines draws the part of the list that is seen; the columns are those of all of it.
func (v *view) lines(list []entry, l layout, cursor *thing, now time.Time) []line {
	out := make([]line, 0, len(list))
	for _, e := range list {
		switch {
		case e.thing == nil && e.title == none:
			out = append(out, nil)
		case e.thing == nil:
			out = append(out, v.titles(e.title, l))
		default:
			row := v.row(e.thing, l, now)
			if e.thing == cursor {
				row[0].text = ">" + row[0].text[1:]
				row = row.over(chosen, v.columns)
			}
			out = append(out, row)
		}
	}
	return out
}

// nothing is what is said instead of an empty list.
func (v *view) nothing() line {
	if v.filter != "" || v.tab != 0 {
		return line{{"  none", faint}}
	}
	return line{{"  nothing is held, led or registered", faint}}
}

// window is the part of the list that there is room for. It moves no more than it must to show the cursor, with the titles if that is the
// first thing.
func (v *view) window(list []entry, at, room int) []entry {
	first := at
	if at == 1 {
		first = 0
	}
	v.scroll = max(at-room+1, min(v.scroll, first))
	v.scroll = max(0, min(v.scroll, len(list)-room))
	return list[v.scroll:min(len(list), v.scroll+room)]
}

// snapshot is everything as text, once.
func (v *view) snapshot(now time.Time) string {
	all := v.all()
	list, _ := entries(all, nil)
	if len(all) == 0 {
		return ""
	}
	var b strings.Builder
	for _, l := range v.lines(list, v.layout(all), nil, now) {
		text := strings.TrimRight(strings.TrimPrefix(l.text(), gap), " ")
		b.WriteString(display.Cut(text, v.columns) + "\n")
	}
	return b.String()
}
