package main

import (
	"fmt"
	"io"
	"time"
)

// curve is how the cost of something grows with a number.
type curve struct {
	Name   string
	Of     string // what there are more and more of
	Op     string // what an operation is
	Where  string
	Load   [2]number
	Took   time.Duration
	Points []point
}

// point is what an operation costs with so many.
type point struct {
	N     int
	Sides []side // coord's first
}

type side struct {
	Who        string
	Mean       number // nanoseconds
	P50, P99   number
	Calls      number
	Bytes      number // on the wire, both ways
	Processors number // nanoseconds of client and etcd together
	Skipped    string // why nothing was measured
}

// printCurves writes a table for each curve.
func printCurves(w io.Writer, cs []*curve) {
	if len(cs) == 0 {
		return
	}
	fmt.Fprint(w, "\n## How cost grows\n\nCPU is that of the client and of etcd together, for one operation with all that it sets off. × is that of the means. A side is left out from where it takes too long.\n")
	for _, c := range cs {
		fmt.Fprintf(w, "\n### %s\n\n%s; etcd's data in %s. Load average %.2f before, %.2f after %.0f s.\n\n| %s |",
			c.Name, c.Op, c.Where, c.Load[0], c.Load[1], c.Took.Seconds(), c.Of)
		dashes := ""
		for _, s := range c.Points[0].Sides {
			fmt.Fprintf(w, " %s: mean | p50 | p99 | calls | bytes | CPU |", s.Who)
			dashes += "---:|---:|---:|---:|---:|---:|"
		}
		fmt.Fprintf(w, " × |\n|---:|%s---:|\n", dashes)
		for _, p := range c.Points {
			fmt.Fprintf(w, "| %d |", p.N)
			for _, s := range p.Sides {
				if s.Skipped != "" {
					fmt.Fprintf(w, " %s | | | | | |", s.Skipped)
					continue
				}
				fmt.Fprintf(w, " %s | %s | %s | %.1f | %s | %s |", nanoseconds.show(s.Mean), nanoseconds.show(s.P50), nanoseconds.show(s.P99),
					s.Calls, count(s.Bytes), nanoseconds.show(s.Processors))
			}
			fmt.Fprintf(w, " %s |\n", p.ratio())
		}
	}
}

// ratio is coord's mean time over the other's.
func (p point) ratio() string {
	if len(p.Sides) < 2 || p.Sides[0].Mean.none() || p.Sides[1].Mean.none() {
		return ""
	}
	return factor(p.Sides[0].Mean / p.Sides[1].Mean)
}

// values are those of one figure of all sides, for an axis.
func (c *curve) values(of func(s side) number) (vs []float64) {
	for _, p := range c.Points {
		for _, s := range p.Sides {
			if v := of(s); !v.none() && v > 0 {
				vs = append(vs, float64(v))
			}
		}
	}
	return vs
}

// drawCurves draws two charts side by side for each curve, of time and of calls.
func drawCurves(r *report) string {
	if len(r.Curves) == 0 {
		return ""
	}
	const w, h = 370.0, 180.0
	d := &drawing{w: 2 * w, h: 34}
	d.line(12, 16, 40, 16, "us")
	d.text(46, 20, "s", "", "coord")
	d.line(110, 16, 138, 16, "them")
	d.text(144, 20, "s", "", "the peer; both axes logarithmic")
	parts := []struct {
		title string
		of    func(s side) number
		show  func(v float64) string
	}{
		{"mean time", func(s side) number { return s.Mean }, duration},
		{"calls", func(s side) number { return s.Calls }, func(v float64) string { return fmt.Sprintf("%g", v) }},
	}
	for row, c := range r.Curves {
		for column, part := range parts {
			vs := c.values(part.of)
			if len(vs) == 0 {
				continue
			}
			x, y := float64(column)*w, 34+float64(row)*h
			d.h = max(d.h, y+h)
			last := c.Points[len(c.Points)-1].N
			plot := plot{d, axis{1, float64(last), x + 58, x + w - 22}, around(vs, y+h-38, y+26)}
			plot.frame(x, c.Name+": "+part.title, c.Of, part.show)
			for i := range c.Points[0].Sides {
				plot.line(c, i, part.of)
			}
		}
	}
	return d.finish(chartTitles["benchmarks-curves.svg"])
}

// plot is one chart among several.
type plot struct {
	d    *drawing
	x, y axis
}

func (p plot) frame(left float64, title, of string, show func(v float64) string) {
	p.d.text(left+10, p.y.to-10, "h", "", title)
	for _, t := range p.x.tens() {
		p.d.line(p.x.at(t), p.y.from, p.x.at(t), p.y.to, "g")
		p.d.text(p.x.at(t), p.y.from+13, "s", "middle", fmt.Sprintf("%g", t))
	}
	for _, t := range p.y.tens() {
		p.d.line(p.x.from, p.y.at(t), p.x.to, p.y.at(t), "g")
		p.d.text(p.x.from-5, p.y.at(t)+4, "s", "end", show(t))
	}
	p.d.text((p.x.from+p.x.to)/2, p.y.from+26, "s", "middle", of)
}

// line draws one side.
func (p plot) line(c *curve, i int, of func(s side) number) {
	class := []string{"us", "them"}[min(i, 1)]
	var lastX, lastY float64
	for _, pt := range c.Points {
		v := of(pt.Sides[i])
		if v.none() || v <= 0 {
			continue
		}
		x, y := p.x.at(float64(pt.N)), p.y.at(float64(v))
		if lastX > 0 {
			p.d.line(lastX, lastY, x, y, class)
		}
		p.d.dot(x, y, class+"d")
		lastX, lastY = x, y
	}
}
