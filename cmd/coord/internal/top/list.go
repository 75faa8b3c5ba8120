package top

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/coordkit/coord/cmd/coord/internal/display"
)

// titles are the names of the columns, of each kind of thing: all kinds have columns for the same, so that they line up.
var titles = [kinds][8]string{
	lock:      {"LOCK", "HOLDER", "MODE", "HELD", "LEASE", "QUEUE", "LAST MINUTE", "NOTE"},
	semaphore: {"SEMAPHORE", "HOLDERS", "USED", "HELD", "LEASE", "QUEUE", "LAST MINUTE", "NOTE"},
	election:  {"ELECTION", "LEADER", "TERM", "LED", "LEASE", "STAND", "LAST MINUTE", "VALUE"},
	service:   {"SERVICE", "INSTANCES", "SERVING", "AGE", "LEASE", "COUNT", "LAST MINUTE", "ADDRESS"},
}

// layout is how wide the columns are; 0 is left out.
type layout struct{ name, who, mode, age, bar, lease, queue, spark, note int }

const gap = "  "

// layout divides the screen. What matters less goes first where it is narrow; the note is what is left.
func (v *view) layout(things []*thing) layout {
	l := layout{mode: 7, age: 6, lease: 6, queue: 5, bar: 4, spark: 11}
	switch {
	case v.once || v.columns == 0:
		l.bar, l.spark = 0, 0
	case v.columns >= 120:
		l.bar, l.spark = 10, steps
	case v.columns < 50:
		l.bar, l.spark, l.mode = 0, 0, 0
	case v.columns < 72:
		l.spark = 0
	}
	name, who, note := 9, 9, 0
	for _, t := range things {
		name, who = max(name, display.Width(display.Escape(t.name, ""))), max(who, display.Width(whoHas(t)))
		note = max(note, display.Width(noteOf(t)))
	}
	if v.columns == 0 {
		l.name, l.who, l.note = name, who, note
		return l
	}
	free := v.columns - l.fixed()
	l.name = max(8, min(name, 40, max(free/2, free-who)))
	l.who = max(8, min(who, free-l.name))
	if rest := free - l.name - l.who - len(gap); rest >= 12 {
		l.note = rest
	}
	return l
}

// fixed is the room that is not for the name, who has it, and the note.
func (l layout) fixed() int {
	n := 2 * len(gap) // before the name and after it
	for _, w := range []int{l.mode, l.age, l.leaseWidth(), l.queue, l.spark} {
		if w > 0 {
			n += len(gap) + w
		}
	}
	return n
}

// cells are a line's columns, in order.
type cells struct {
	name, who, mode, age string
	lease                line // as wide as it is to be
	queue, spark, note   string
}

// line puts the cells side by side.
func (l layout) line(c cells) line {
	out := line{{text: strings.Repeat(" ", len(gap)) + pad(c.name, l.name) + gap + pad(c.who, l.who)}}
	add := func(text string, width int) {
		if width > 0 {
			out = append(out, span{text: gap + text})
		}
	}
	add(padLeft(c.mode, l.mode), l.mode)
	add(padLeft(c.age, l.age), l.age)
	out = append(out, span{text: gap})
	out = append(out, c.lease...)
	add(padLeft(c.queue, l.queue), l.queue)
	add(pad(c.spark, l.spark), l.spark)
	add(fit(c.note, l.note), l.note)
	return out
}

// titles is the line above the things of a kind.
func (v *view) titles(k kind, l layout) line {
	t := titles[k]
	c := cells{t[0], t[1], t[2], t[3], plainLine(pad(t[4], l.leaseWidth())), t[5], t[6], t[7]}
	return line{{strings.TrimRight(l.line(c).text(), " "), strong}}
}

func (l layout) leaseWidth() int {
	if l.bar == 0 {
		return l.lease
	}
	return l.bar + 1 + l.lease
}

// row is a thing in the list.
func (v *view) row(t *thing, l layout, now time.Time) line {
	age := "-"
	if at := t.oldest(); !at.IsZero() {
		age = brief(now.Sub(at))
	}
	return l.line(cells{
		name: display.Escape(t.name, ""), who: whoWithin(t, l.who), mode: mode(t), age: age, lease: v.lease(t, l, now), queue: strconv.Itoa(t.length()),
		spark: spark(v.glyphs, t.line.last(l.spark), l.spark), note: noteOf(t),
	})
}

// lease is what is left of the lease; of several the one that ends first.
func (v *view) lease(t *thing, l layout, now time.Time) line {
	left, full, known := v.soonest(t, now)
	if !known {
		return plainLine(pad("-", l.leaseWidth()))
	}
	st := good
	switch {
	case left*5 < full:
		st = poor
	case left*2 < full:
		st = fair
	}
	number := span{text: pad(brief(left), l.lease)}
	if l.bar == 0 {
		return line{number}
	}
	return line{{v.glyphs.bar(left, full, l.bar), st}, {text: " "}, number}
}

// soonest is what is left of the lease that ends first of those who have the thing.
func (v *view) soonest(t *thing, now time.Time) (left, full time.Duration, known bool) {
	for _, m := range t.has {
		if l, f, ok := v.leases.left(m.lease, now); ok && (!known || l < left) {
			left, full, known = l, f, true
		}
	}
	return left, full, known
}

// whoHas names the first who has the thing, with its program, and tells how many more do.
func whoHas(t *thing) string {
	who, program, more := whoParts(t)
	return who + program + more
}

// whoWithin is whoHas in so many columns: the program goes first, and how many more there are stays.
func whoWithin(t *thing, columns int) string {
	who, program, more := whoParts(t)
	if room := columns - display.Width(more); display.Width(who+program) > room {
		return fit(who, room) + more
	}
	return who + program + more
}

func whoParts(t *thing) (who, program, more string) {
	switch {
	case t.err != "" && len(t.has) == 0:
		return "(unreadable)", "", ""
	case len(t.has) == 0:
		return "-", "", ""
	}
	if p := t.has[0].owner.Program; p != "" && (t.kind == lock || t.kind == semaphore) {
		program = " (" + display.Escape(p, "") + ")"
	}
	if n := len(t.has) - 1; n > 0 {
		more = fmt.Sprintf(" +%d", n)
	}
	return called(t.has[0]), program, more
}

// called is what a member is called.
func called(m member) string {
	if m.err != "" {
		return "(unreadable)"
	}
	if m.label == "" {
		return "-"
	}
	return display.Escape(m.label, "")
}

// mode is the number, or the word, that matters for the kind.
func mode(t *thing) string {
	switch t.kind {
	case semaphore:
		return fmt.Sprintf("%d/%d", t.inUse, t.limit)
	case election:
		return strconv.FormatInt(t.term, 10)
	case service:
		return fmt.Sprintf("%d/%d", t.inUse, len(t.has))
	}
	switch {
	case len(t.has) == 0:
		return "free"
	case len(t.has) == 1:
		return t.has[0].extra
	}
	return fmt.Sprintf("%d read", len(t.has))
}

func noteOf(t *thing) string {
	if len(t.has) == 0 {
		return ""
	}
	return display.Escape(t.has[0].note, "")
}
