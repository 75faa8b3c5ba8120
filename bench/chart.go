package main

import (
	"slices"
	"strconv"
)

// charts are the pictures of a page.
var charts = []struct {
	file string
	draw func(r *report) string // empty if there is nothing to show
}{
	{"benchmarks.svg", drawRatios},
	{"benchmarks-curves.svg", drawCurves},
}

var chartTitles = map[string]string{
	"benchmarks.svg":        "How many times better coord is than what it is compared with, on a logarithmic scale",
	"benchmarks-curves.svg": "How time and calls grow with the number of contenders, candidates, instances, watchers and leases",
}

// bar is a ratio that the chart shows.
type bar struct{ label, group, row, against string }

// bars are the chart's, under their titles.
var bars = []struct {
	title string
	bars  []bar
}{
	{"locks, over etcd's concurrency package", []bar{
		{"contended, 2 sessions", "locks", "contended, 2 sessions: acquisitions", peer},
		{"contended, 8 sessions", "locks", "contended, 8 sessions: acquisitions", peer},
		{"contended, 32 sessions", "locks", "contended, 32 sessions: acquisitions", peer},
		{"contended, 64 sessions", "locks", "contended, 64 sessions: acquisitions", peer},
		{"handed over after 20 ms", "locks", "handoff to a waiter that queued 20 ms ago", peer},
		{"handed over after 330 ms", "locks", "handoff to a waiter that queued 330 ms ago", peer},
		{"free Lock + Unlock", "locks", "Lock + Unlock, free", peer},
	}},
	{"elections, over the same", []bar{
		{"Resign → next, 20 ms", "elections", "Resign → the next leads, who queued 20 ms ago", peer},
		{"Resign → next, 330 ms", "elections", "Resign → the next leads, who queued 330 ms ago", peer},
		{"free Campaign + Resign", "elections", "Campaign + Resign, free", peer},
	}},
	{"the client, over etcd's own", []bar{
		{"10,000 waits on one key", "etcd", "10,000 waits on one key, until the last has returned", "a watch of the client each"},
		{"Get", "etcd", "Get", "the client's call"},
		{"CAS", "etcd", "CAS", "the client's call"},
	}},
	{"in memory", []bar{
		{"Get, over go-memdb", "memory", "Get, 100k keys", "go-memdb"},
		{"Get, over a btree + RWMutex", "memory", "Get, 100k keys", "btree + RWMutex, no copies"},
		{"CAS, over go-memdb", "memory", "CAS, 100k keys", "go-memdb"},
		{"CAS, over buntdb", "memory", "CAS, 100k keys", "buntdb"},
		{"Create, over a btree + RWMutex", "memory", "Create, 100k keys", "btree + RWMutex, no copies"},
		{"100 of 100k, over go-memdb", "memory", "GetRange, 100 of 100k keys", "go-memdb"},
	}},
}

// value is how many times better coord is: as often as it is faster, or does more.
func (b bar) value(r *report, where string) number {
	l := r.find(b.group, b.row, where)
	if l == nil {
		return none
	}
	i := slices.IndexFunc(l.Ways, func(f figures) bool { return f.Who == b.against })
	switch {
	case i < 0:
		return none
	case l.Unit == perSecond:
		return l.Ways[i].Ratio
	}
	return 1 / l.Ways[i].Ratio
}

// drawRatios draws a bar for each ratio and each directory, from 1 to the right where coord is better, and to the left where it is worse.
func drawRatios(r *report) string {
	wheres := r.wheres()
	const left, right, thick = 230.0, 700.0, 9.0
	x := axis{0.5, 200, left, right}
	d := &drawing{w: 760}
	d.text(12, 20, "h", "", "how many times better than the peer (log scale)")
	for i, where := range wheres {
		d.rect(left+float64(i)*190, 30, 10, 10, []string{"a", "b"}[i%2])
		d.text(left+14+float64(i)*190, 39, "s", "", "etcd's data in "+where)
	}
	y, drawn := 44.0, false
	for _, g := range bars {
		var labels []string
		var values [][]number
		high := 0.0
		for _, b := range g.bars {
			if vs := b.values(r, wheres); vs != nil {
				labels, values = append(labels, b.label), append(values, vs)
				high += (thick+1)*float64(len(vs)) + 6
			}
		}
		if labels == nil {
			continue
		}
		drawn = true
		y += 20
		d.text(12, y, "h", "", g.title)
		y += 8
		for _, tick := range ticks {
			d.line(x.at(tick), y-2, x.at(tick), y+high-4, map[bool]string{true: "one", false: "g"}[tick == 1])
		}
		for n, vs := range values {
			d.text(left-8, y+thick*float64(len(vs))/2+4, "", "end", labels[n])
			for i, v := range vs {
				drawBar(d, x, y, thick, float64(v), []string{"a", "b"}[i%2])
				y += thick + 1
			}
			y += 6
		}
	}
	if !drawn {
		return ""
	}
	for _, tick := range ticks {
		d.text(x.at(tick), y+10, "s", "middle", strconv.FormatFloat(tick, 'g', -1, 64)+"×")
	}
	d.h = y + 22
	return d.finish(chartTitles["benchmarks.svg"])
}

// ticks are on the axis of ratios.
var ticks = []float64{0.5, 1, 2, 5, 10, 20, 50, 100, 200}

func drawBar(d *drawing, x axis, y, thick, v float64, class string) {
	from, to := x.at(1), x.at(v)
	if v < 1 {
		from, to, class = to, from, "worse"
	}
	d.rect(from, y, max(to-from, 1), thick, class)
	d.text(x.at(max(v, 1))+5, y+thick-0.5, "s", "", factor(number(v)))
}

// values are those of a bar: one for each directory, or one of what needs none; nil if it was not measured.
func (b bar) values(r *report, wheres []string) (vs []number) {
	for _, where := range append([]string{""}, wheres...) {
		if v := b.value(r, where); !v.none() {
			vs = append(vs, v)
		}
	}
	return vs
}

// wheres are the directories in which an etcd kept its data, in order.
func (r *report) wheres() (ws []string) {
	for _, t := range r.Tables {
		if t.Where != "" && !slices.Contains(ws, t.Where) {
			ws = append(ws, t.Where)
		}
	}
	return ws
}
