package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// drawing is a picture in SVG, in colours that can be read on light and on dark.
type drawing struct {
	b    strings.Builder
	w, h float64
}

const style = `<style>
text{font:12px system-ui,sans-serif;fill:#24292f}
.h{font-weight:600;font-size:13px}.s{font-size:10.5px;fill:#57606a}
.g{stroke:#d0d7de;stroke-width:1;fill:none}.one{stroke:#57606a;stroke-width:1.2;fill:none}
.a{fill:#0969da}.b{fill:#6cb2f5}.worse{fill:#cf6a1e}
.us{stroke:#0969da;fill:none;stroke-width:2}.them{stroke:#cf6a1e;fill:none;stroke-width:2;stroke-dasharray:6 3}
.usd{fill:#0969da}.themd{fill:#cf6a1e}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.s{fill:#9198a1}.g{stroke:#3d444d}.one{stroke:#9198a1}
.a{fill:#4493f8}.b{fill:#2560ab}.us{stroke:#4493f8}.usd{fill:#4493f8}.them{stroke:#f0883e}.themd,.worse{fill:#f0883e}}
</style>
`

func (d *drawing) text(x, y float64, class, anchor, s string) {
	fmt.Fprintf(&d.b, "<text x=\"%.4g\" y=\"%.4g\"", x, y)
	if class != "" {
		fmt.Fprintf(&d.b, " class=\"%s\"", class)
	}
	if anchor != "" {
		fmt.Fprintf(&d.b, " text-anchor=\"%s\"", anchor)
	}
	fmt.Fprintf(&d.b, ">%s</text>\n", html.EscapeString(s))
}

func (d *drawing) rect(x, y, w, h float64, class string) {
	fmt.Fprintf(&d.b, "<rect x=\"%.4g\" y=\"%.4g\" width=\"%.4g\" height=\"%.4g\" class=\"%s\"/>\n", x, y, w, h, class)
}

func (d *drawing) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(&d.b, "<path d=\"M%.4g %.4gL%.4g %.4g\" class=\"%s\"/>\n", x1, y1, x2, y2, class)
}

func (d *drawing) dot(x, y float64, class string) {
	fmt.Fprintf(&d.b, "<circle cx=\"%.4g\" cy=\"%.4g\" r=\"3\" class=\"%s\"/>\n", x, y, class)
}

// finish returns the picture; title is for who cannot see it.
func (d *drawing) finish(title string) string {
	return fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" role=\"img\">\n<title>%s</title>\n%s%s</svg>\n",
		d.w, d.h, d.w, d.h, html.EscapeString(title), style, d.b.String())
}

// axis is a logarithmic scale from low to high, drawn from one coordinate to another.
type axis struct{ low, high, from, to float64 }

func (a axis) at(v float64) float64 {
	v = min(max(v, a.low), a.high)
	return a.from + (a.to-a.from)*math.Log(v/a.low)/math.Log(a.high/a.low)
}

// tens are the powers of ten on it.
func (a axis) tens() (ticks []float64) {
	for v := math.Pow(10, math.Ceil(math.Log10(a.low)-1e-9)); v <= a.high*1.0001; v *= 10 {
		ticks = append(ticks, v)
	}
	return ticks
}

// around is an axis of whole powers of ten on which all values have a place.
func around(values []float64, from, to float64) axis {
	low, high := math.Inf(1), 0.0
	for _, v := range values {
		if v > 0 {
			low, high = min(low, v), max(high, v)
		}
	}
	if high == 0 {
		low, high = 1, 10
	}
	a := axis{math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high))), from, to}
	if a.low == a.high {
		a.high *= 10
	}
	return a
}
