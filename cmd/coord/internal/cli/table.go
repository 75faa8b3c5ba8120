//go:build unix

package cli

import (
	"strings"
	"time"

	"github.com/coordkit/coord/cmd/coord/internal/display"
)

// table is what people read: columns that line up. Its cells are shown escaped.
type table struct {
	// header names the columns; those from wide on are in the wide table only.
	header []string
	wide   int
	rows   [][]string
}

// gap stands between two columns.
const gap = "  "

// layout writes the table with lines that end within columns, unless that is 0.
func (t table) layout(wide, header bool, columns int) string {
	n := t.wide
	if wide {
		n = len(t.header)
	}
	var lines [][]string
	if header {
		lines = append(lines, t.header[:n])
	}
	for _, row := range t.rows {
		line := make([]string, n)
		for i := range line {
			line[i] = cell(row[i])
		}
		lines = append(lines, line)
	}
	widths := make([]int, n)
	for _, line := range lines {
		for i, c := range line {
			widths[i] = max(widths[i], displayWidth(c))
		}
	}
	var b strings.Builder
	for _, line := range lines {
		var text strings.Builder
		for i, c := range line {
			if i > 0 {
				text.WriteString(gap)
			}
			text.WriteString(c)
			text.WriteString(strings.Repeat(" ", widths[i]-displayWidth(c)))
		}
		b.WriteString(cut(strings.TrimRight(text.String(), " "), columns))
		b.WriteByte('\n')
	}
	return b.String()
}

func cut(s string, columns int) string { return display.Cut(s, columns) }

func displayWidth(s string) int { return display.Width(s) }

// orDash is what a cell shows of something that is not there.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// age is how long ago a moment was, by this machine's clock.
func age(since *time.Time) string {
	if since == nil {
		return "-"
	}
	return short(time.Since(*since))
}

// ttl is what is left of a lease.
func ttl(left *float64) string {
	if left == nil {
		return "-"
	}
	return short(time.Duration(*left * float64(time.Second)))
}

func short(d time.Duration) string { return display.Short(d) }
