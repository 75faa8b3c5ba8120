// Package display makes text that others have written fit for a terminal: escaped, so that it cannot act on it, and measured in columns.
package display

import (
	"fmt"
	"time"
	"unicode"

	"golang.org/x/text/width"
)

// Cut shortens s to columns, and shows that it did; 0 is no bound.
func Cut(s string, columns int) string {
	if columns == 0 || Width(s) <= columns {
		return s
	}
	w := 0
	for i, r := range s {
		w += runeWidth(r)
		if w > columns-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// Width is how many columns of a terminal s takes.
func Width(s string) int {
	w := 0
	for _, r := range s {
		w += runeWidth(r)
	}
	return w
}

// runeWidth is how many columns a character takes. It needs no rule for characters that join others, such as those of a family of emoji: what joins them does not print, and
// is shown escaped.
func runeWidth(r rune) int {
	if r < 0x300 { // before all that is wide or stands above another
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Short is a duration in whole seconds, and in whole hours when it is days.
func Short(d time.Duration) string {
	d = max(0, d).Round(time.Second)
	const day = 24 * time.Hour
	if d < day {
		return d.String()
	}
	return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
}
