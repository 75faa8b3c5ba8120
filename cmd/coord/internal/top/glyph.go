package top

import (
	"fmt"
	"strings"
	"time"
)

// glyphs are the characters that pictures are made of.
type glyphs struct {
	full, empty, rule string
	sparks            []string // from the lowest to the highest
}

var (
	unicodeGlyphs = glyphs{full: "█", empty: "░", rule: "─", sparks: []string{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}}
	asciiGlyphs   = glyphs{full: "#", empty: "-", rule: "-", sparks: []string{"_", ".", ":", "-", "=", "+", "*", "#"}}
)

// bar is a part of a whole, in columns characters. Only nothing is empty, only the whole is full.
func (g glyphs) bar(part, whole time.Duration, columns int) string {
	n := 0
	if whole > 0 && part > 0 {
		n = min(columns, int((int64(part)*int64(columns)+int64(whole)-1)/int64(whole)))
	}
	return strings.Repeat(g.full, n) + strings.Repeat(g.empty, columns-n)
}

// spark draws numbers as a line, the largest at the top and zero at the bottom; what there is none of yet is left blank, on the left.
func spark[T int | time.Duration](g glyphs, values []T, columns int) string {
	values = values[max(0, len(values)-columns):]
	var top T
	for _, v := range values {
		top = max(top, v)
	}
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", columns-len(values)))
	high := len(g.sparks) - 1
	for _, v := range values {
		i := 0
		if v > 0 {
			i = max(1, int(float64(v)/float64(top)*float64(high)+0.5))
		}
		b.WriteString(g.sparks[i])
	}
	return b.String()
}

// brief is a duration in at most six characters, for ages.
func brief(d time.Duration) string {
	d = max(0, d)
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	case d < 1000*day:
		return fmt.Sprintf("%dd%02dh", d/day, d%day/time.Hour)
	}
	return fmt.Sprintf("%dd", d/day)
}

// precise is a duration that may be short.
func precise(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%dµs", d.Microseconds())
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1fms", float64(d)/float64(time.Millisecond))
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return brief(d)
}
