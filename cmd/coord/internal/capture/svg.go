//go:build linux

package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
)

// The measures of the picture, in pixels.
const (
	wide, high = 7.8, 17.0
	margin     = 16.0
)

// head is the picture's frame, with colours for light and dark pages.
const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]g %[2]g" width="%[1]g" height="%[2]g" role="img">
<title>coord on a terminal: a lock that is held, who holds and waits, and coord top</title>
<!-- Written by go run ./cmd/coord/internal/capture from real runs of coord. -->
<style>
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre;fill:#1f2328}
.strong,.poor{font-weight:bold}
.ground{fill:#f6f8fa;stroke:#d0d7de}.over{fill:#d0d7de}.faint{fill:#656d76}.good{fill:#1a7f37}.fair{fill:#9a6700}.poor{fill:#cf222e}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}
.ground{fill:#161b22;stroke:#30363d}.over{fill:#373e47}.faint{fill:#8b949e}.good{fill:#3fb950}.fair{fill:#d29922}.poor{fill:#f85149}}
</style>
<rect class="ground" x=".5" y=".5" width="%[3]g" height="%[4]g" rx="8"/>
`

// classes are the styles of the picture for those of the terminal.
var classes = map[string]string{"1": "strong", "2": "faint", "32": "good", "33": "fair", "31": "poor", "37;41;1": "poor"}

// reverse is the style of a line that is chosen.
const reverse = "7"

func prompt(command string) line {
	s := newScreen(columns, 1)
	s.write("\x1b[2m$\x1b[m \x1b[1m" + command + "\x1b[m")
	return s.lines[0]
}

// ended is what is shown after a command: its exit code, if it failed, and an empty line.
func ended(code int) []line {
	s := newScreen(columns, 2)
	if code == 0 {
		return s.lines[:1]
	}
	fmt.Fprint(writer{s}, "\x1b[2mexit code ", code, "\x1b[m")
	return s.lines
}

// writer writes on a screen.
type writer struct{ s *screen }

// Write implements io.Writer.
func (w writer) Write(p []byte) (int, error) {
	w.s.write(string(p))
	return len(p), nil
}

// svg is the picture of some lines.
func svg(lines []line) []byte {
	var b bytes.Buffer
	width, height := 2*margin+columns*wide, 2*margin+float64(len(lines))*high
	fmt.Fprintf(&b, head, width, height, width-1, height-1)
	for i, l := range lines {
		y := margin + float64(i)*high
		for column := 0; column < len(l); {
			end := column
			for end < len(l) && l[end].style == l[column].style {
				end++
			}
			piece(&b, l[column:end], column, y)
			column = end
		}
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}

// piece writes a piece of a line in one style. Its length is told, so that columns are in line whatever the font.
func piece(b *bytes.Buffer, cells []cell, column int, y float64) {
	style, x, width := cells[0].style, margin+float64(column)*wide, float64(len(cells))*wide
	if style == reverse {
		fmt.Fprintf(b, `<rect class="over" x="%.1f" y="%.1f" width="%.1f" height="%g"/>`+"\n", x, y, width, high)
	}
	var text strings.Builder
	for _, c := range cells {
		text.WriteRune(c.r)
	}
	if strings.TrimSpace(text.String()) == "" {
		return
	}
	class := ""
	if name := classes[style]; name != "" {
		class = ` class="` + name + `"`
	}
	fmt.Fprintf(b, `<text%s x="%.1f" y="%.1f" textLength="%.1f" xml:space="preserve">`, class, x, y+0.75*high, width)
	_ = xml.EscapeText(b, []byte(text.String()))
	b.WriteString("</text>\n")
}
