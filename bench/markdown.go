package main

import (
	"fmt"
	"io"
	"strings"
)

// printTable writes what was measured of a group.
func printTable(w io.Writer, t *table) {
	title := strings.ToUpper(t.Group[:1]) + t.Group[1:]
	cost, dashes := t.Cost, "---:"
	if t.Where != "" {
		title += ", with etcd's data in " + t.Where
		cost, dashes = "calls | bytes | CPU, client | CPU, etcd", "---:|---:|---:|---:"
	}
	fmt.Fprintf(w, "\n## %s\n\nLoad average %.2f before, %.2f after %.0f s.\n\n", title, t.Load[0], t.Load[1], t.Took.Seconds())
	if t.Note != "" {
		fmt.Fprintf(w, "%s\n\n", t.Note)
	}
	fmt.Fprintf(w, "| what | who | p50 | p99 | %s | × | goal | |\n|---|---|---:|---:|%s|---:|---|---|\n", cost, dashes)
	for _, l := range t.Lines {
		printLine(w, t, l)
	}
}

func printLine(w io.Writer, t *table, l line) {
	for i, f := range l.Ways {
		name, ratio, cost := l.Name, "", ""
		if i > 0 {
			name = ""
		}
		if !f.Ratio.none() {
			ratio = fmt.Sprintf("**%s** (%s–%s)", factor(f.Ratio), factor(f.RatioLow), factor(f.RatioHigh))
		}
		if !f.Cost.none() {
			cost = fmt.Sprintf("%.1f", f.Cost)
		}
		if t.Where != "" {
			cost += fmt.Sprintf(" | %s | %s | %s", count(f.Bytes), nanoseconds.show(f.Client), nanoseconds.show(f.Server))
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s |\n",
			name, f.Who, l.Unit.show(f.P50), l.Unit.show(f.P99), cost, ratio, f.Goal, f.Verdict)
	}
}

func count(n number) string {
	if n.none() {
		return ""
	}
	return fmt.Sprintf("%.0f", n)
}

const preface = `# Benchmarks

*Written by ` + "`cd bench && go run . -o ../docs`" + `, whole, from one run; do not edit. What it means is in [performance](performance.md).*

What is compared was measured in turn, in short blocks, within this run: trust the ratios, which are those of blocks that lie side by side,
and read absolute figures with the load in mind. Figures of another run, or of another machine, are not comparable with these.

Columns: p50 and p99 of single operations (of blocks, where one is too short for the clock). ` + "`×`" + ` is coord's figure over the line's, the
median of the rounds with its quartiles: of times less is better, of rates more. Calls are requests and messages on streams from the start of what is measured
to its end, renewals aside; bytes (TCP payload, both ways) and CPU (all threads; of etcd in steps of 10 ms, so short sections show few) are those of whole
blocks, preparations included, per operation. Goals beside coord bound its own p50 (p99 and allocations where said), beside others the ratio.
`

// printReport writes the whole page. charts are the names of its pictures.
func printReport(w io.Writer, r *report, charts []string) {
	fmt.Fprint(w, preface)
	printRun(w, r)
	printTargets(w, r)
	for _, c := range charts {
		fmt.Fprintf(w, "\n![%s](%s)\n", chartTitles[c], c)
	}
	for _, t := range r.Tables {
		printTable(w, t)
	}
	printIdle(w, r.Idle)
	printCurves(w, r.Curves)
}

func printRun(w io.Writer, r *report) {
	m := r.Machine
	commit := fmt.Sprintf("%.12s", m.Commit)
	if m.Changed {
		commit += ", with changes"
	}
	took := "**the run did not come to its end**"
	if !r.Ended.IsZero() {
		took = fmt.Sprintf("%.1f minutes", r.Ended.Sub(r.Started).Minutes())
	}
	fmt.Fprintf(w, "\n| this run | |\n|---|---|\n")
	for _, kv := range [][2]string{
		{"run", r.Run + ", " + took}, {"settings", "`" + strings.ReplaceAll(r.Settings, "|", `\|`) + "`"}, {"commit", commit},
		{"machine", fmt.Sprintf("%s, %d processors, %s", m.CPU, m.Processors, m.Memory)}, {"system", m.System + ", " + m.Go},
		{"modules", strings.Join(m.Versions, ", ")}, {"load average", fmt.Sprintf("%.2f before, %.2f after", r.Load[0], r.Load[1])},
	} {
		fmt.Fprintf(w, "| %s | %s |\n", kv[0], kv[1])
	}
}
