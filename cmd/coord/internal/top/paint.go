package top

import (
	"strings"

	"github.com/coordkit/coord/cmd/coord/internal/display"
)

// style is how a piece of a line looks.
type style int

const (
	normal style = iota
	strong
	faint
	good
	fair
	poor
	alarm
	chosen
)

// sgr are the styles' codes on a terminal, without colours and with them.
var sgr = [...][2]string{
	normal: {"", ""},
	strong: {"1", "1"},
	faint:  {"2", "2"},
	good:   {"", "32"},
	fair:   {"", "33"},
	poor:   {"1", "31"},
	alarm:  {"7;1", "37;41;1"},
	chosen: {"7", "7"},
}

// span is a piece of a line in one style.
type span struct {
	text  string
	style style
}

// line is a line of the screen.
type line []span

func plainLine(text string) line { return line{{text: text}} }

func (l line) text() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.text)
	}
	return b.String()
}

// cut ends the line within columns; 0 is no bound. The spaces at its end go.
func (l line) cut(columns int) line {
	if columns == 0 || display.Width(l.text()) <= columns {
		return l
	}
	var out line
	for _, s := range l {
		w := display.Width(s.text)
		if w > columns || w == columns && len(out) < len(l)-1 {
			return append(out, span{display.Cut(s.text+"…", columns), s.style})
		}
		out = append(out, s)
		columns -= w
	}
	return out
}

// over gives the whole line, filled up to columns, one style.
func (l line) over(st style, columns int) line {
	return line{{pad(l.cut(columns).text(), columns), st}}
}

// paint is the line for a terminal.
func (l line) paint(colour bool) string {
	which := 0
	if colour {
		which = 1
	}
	var b strings.Builder
	for _, s := range l {
		if code := sgr[s.style][which]; code != "" {
			b.WriteString("\x1b[" + code + "m" + s.text + "\x1b[m")
			continue
		}
		b.WriteString(s.text)
	}
	return b.String()
}

// pad fills s up to columns, and cuts what is longer.
func pad(s string, columns int) string {
	s = fit(s, columns)
	return s + strings.Repeat(" ", columns-display.Width(s))
}

// padLeft is pad for numbers.
func padLeft(s string, columns int) string {
	s = fit(s, columns)
	return strings.Repeat(" ", columns-display.Width(s)) + s
}

// fit is display.Cut where no columns are none.
func fit(s string, columns int) string {
	if columns <= 0 {
		return ""
	}
	return display.Cut(s, columns)
}
