//go:build unix

package cli

import (
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/coordkit/coord/cmd/coord/internal/display"
)

// plain shows what would not print but act on a terminal, such as \x1b, and bytes that are no UTF-8, such as \xff, as Go writes them. Ends of
// lines stay.
func plain(s string) string { return escape(s, "\n") }

// cell is s as a cell of a table or a line of a list: plain, and on one line.
func cell(s string) string { return escape(s, "") }

func escape(s, keep string) string { return display.Escape(s, keep) }

// plainJSON escapes in a JSON text what would act on a terminal; the text says the same after it. What package json leaves unescaped stands
// within strings only.
func plainJSON(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		switch {
		case r == '\n', unicode.IsPrint(r):
			out = append(out, text[i:i+n]...)
		case r < 0x10000:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		}
		i += n
	}
	return out
}
