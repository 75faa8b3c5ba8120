package top

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/coordkit/coord/cmd/coord/internal/display"
)

var words = [kinds]struct{ kind, has, extra, note string }{
	lock:      {"lock", "holder", "MODE", "NOTE"},
	semaphore: {"semaphore", "holder", "WEIGHT", "NOTE"},
	election:  {"election", "leader", "PRIORITY", "VALUE"},
	service:   {"service", "instance", "STATUS", "ADDRESS"},
}

// details tell of one thing who has it and who waits, in at most rows lines.
func (v *view) details(t *thing, rows int, now time.Time) []line {
	w := words[t.kind]
	title := fmt.Sprintf("%s%s %s %s ", v.glyphs.rule, v.glyphs.rule, w.kind, display.Escape(t.name, ""))
	if len(t.has) > 0 && t.has[0].token > 0 {
		title += fmt.Sprintf("%s token %d ", v.glyphs.rule, t.has[0].token)
	}
	title = display.Cut(title, v.columns)
	out := []line{{{title + strings.Repeat(v.glyphs.rule, max(0, v.columns-display.Width(title))), faint}}}
	if t.err != "" {
		out = append(out, line{{display.Escape(t.err, ""), alarm}})
	}
	out = append(out, v.lengths(t)...)
	table := v.people(t, now)
	if room := max(2, rows-len(out)); len(table) > room {
		more := len(table) - room + 1
		table = append(table[:room-1], line{{fmt.Sprintf("  … %d more", more), faint}})
	}
	return append(out, table...)
}

// lengths are how long the last holds and waits were.
func (v *view) lengths(t *thing) []line {
	const columns = 20
	var parts []string
	for _, p := range []struct {
		what string
		of   []time.Duration
	}{{"held", t.held}, {"waited", t.waited}} {
		if len(p.of) == 0 {
			continue
		}
		longest := time.Duration(0)
		for _, d := range p.of {
			longest = max(longest, d)
		}
		n := min(columns, len(p.of))
		parts = append(parts, fmt.Sprintf("%s %s last %s, longest %s", p.what, spark(v.glyphs, p.of, n), precise(p.of[len(p.of)-1]), precise(longest)))
	}
	if len(parts) == 0 {
		return nil
	}
	return []line{plainLine("  " + strings.Join(parts, " · "))}
}

// people is a table of those who have the thing and those who wait.
func (v *view) people(t *thing, now time.Time) []line {
	w := words[t.kind]
	rows := [][]string{{"PLACE", w.extra, "OWNER", "HOST", "PID", "PROGRAM", "AGE", "TTL", w.note}}
	for _, m := range t.has {
		rows = append(rows, v.person(w.has, t, m, now))
	}
	for i, m := range t.waits {
		rows = append(rows, v.person(strconv.Itoa(i+1), t, m, now))
	}
	if len(rows) == 1 {
		return []line{{{"  nobody", faint}}}
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], min(display.Width(c), 40))
		}
	}
	widths[len(widths)-1] = 1 << 10 // to the screen's edge
	out := make([]line, len(rows))
	for n, row := range rows {
		var b strings.Builder
		for i, c := range row[:len(row)-1] {
			b.WriteString(gap + pad(c, widths[i]))
		}
		b.WriteString(gap + row[len(row)-1])
		out[n] = line{{text: strings.TrimRight(b.String(), " ")}}
	}
	out[0][0].style = strong
	return out
}

func (v *view) person(place string, t *thing, m member, now time.Time) []string {
	pid, ttl, note := "-", "-", display.Escape(m.note, "")
	if m.owner.PID > 0 {
		pid = strconv.Itoa(m.owner.PID)
	}
	if left, _, ok := v.leases.left(m.lease, now); ok {
		ttl = brief(left)
	}
	if m.err != "" {
		note = display.Escape(m.err, "")
	}
	dash := func(s string) string {
		if s == "" {
			return "-"
		}
		return display.Escape(s, "")
	}
	return []string{
		place, dash(m.extra), called(m), dash(m.owner.Host), pid, dash(m.owner.Program), brief(now.Sub(t.began[m.identity])), ttl, note,
	}
}
