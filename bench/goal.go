package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// goal is a bound that coord aims at. Rows write it down as text: beside coord "≤ 350 ns", "p99 ≤ 10 ms", "1 alloc" or "≤ 1" (a count) bound its own figure,
// beside others "≤ 1.06×" bounds the ratio. Several are separated by commas.
type goal struct {
	of    string // p50, p99, cost, or ratio
	least bool   // a bound below
	bound float64
}

var (
	boundText = regexp.MustCompile(`^(p99 )?([≤≥]) ([0-9.]+) ?(ns|µs|ms|s|B|×)$`)
	mostText  = regexp.MustCompile(`^(?:≤ )?([0-9]+)$`)
	allocText = regexp.MustCompile(`^([0-9]+) allocs?$`)
	scales    = map[string]float64{"ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9, "B": 1, "×": 1}
)

// goals reads what a row has written down beside coord, or beside others.
func goals(text string, ours bool) (gs []goal, err error) {
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ", ") {
		if m := allocText.FindStringSubmatch(part); m != nil {
			n, _ := strconv.ParseFloat(m[1], 64)
			gs = append(gs, goal{of: "cost", bound: n + 0.1}) // of what the runtime allocates now and then
			continue
		}
		if m := mostText.FindStringSubmatch(part); m != nil {
			n, _ := strconv.ParseFloat(m[1], 64)
			gs = append(gs, goal{of: "p99", bound: n}) // of counts each has to keep it
			continue
		}
		m := boundText.FindStringSubmatch(part)
		if m == nil {
			return nil, fmt.Errorf("no goal: %q", part)
		}
		n, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			return nil, err
		}
		g := goal{of: "p50", least: m[2] == "≥", bound: n * scales[m[4]]}
		switch {
		case m[1] != "":
			g.of = "p99"
		case m[4] == "×" && !ours:
			g.of = "ratio"
		}
		gs = append(gs, g)
	}
	return gs, nil
}

// met reports whether a figure, rounded as it is shown, keeps within the bound.
func (g goal) met(f figures) bool {
	v, bound := map[string]number{"p50": f.P50, "p99": f.P99, "cost": f.Cost, "ratio": f.Ratio}[g.of], number(g.bound)
	if g.least {
		return v >= bound*0.995
	}
	return v <= bound*1.005
}

// verdict is what becomes of the goals; empty if there are none.
func verdict(text string, ours bool, f figures) (string, error) {
	gs, err := goals(text, ours)
	if err != nil || len(gs) == 0 {
		return "", err
	}
	for _, g := range gs {
		if !g.met(f) {
			return missed, nil
		}
	}
	return met, nil
}

const met, missed = "met", "**missed**"
