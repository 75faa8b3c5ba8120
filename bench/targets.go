package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// target is a number to reach, and the row that shows it.
type target struct {
	what       string
	group, row string
	against    string // beside whom the ratio's goal stands; empty: coord's own figure
}

// targets are all that the design asks for, and what this project has set itself since.
var targets = []target{
	{"contended lock, 2 sessions, acquisitions per second", "locks", "contended, 2 sessions: acquisitions", peer},
	{"contended lock, 8 sessions", "locks", "contended, 8 sessions: acquisitions", peer},
	{"contended lock, 32 sessions", "locks", "contended, 32 sessions: acquisitions", peer},
	{"contended lock, 64 sessions", "locks", "contended, 64 sessions: acquisitions", peer},
	{"lock handed to a waiter that queued 20 ms ago", "locks", "handoff to a waiter that queued 20 ms ago", peer},
	{"Resign to the next leader, who queued 20 ms ago", "elections", "Resign → the next leads, who queued 20 ms ago", peer},
	{"lock handed to a parked waiter, over a bare Delete's event", "locks", "handoff to a waiter that queued 330 ms ago", bareHandoff},
	{"Lock + Unlock, free, over create + Delete", "locks", "Lock + Unlock, free", bareLock},
	{"Lock + Unlock, free, over the peer", "locks", "Lock + Unlock, free", peer},
	{"memory: Get", "memory", "Get, 100k keys", ""},
	{"memory: CAS", "memory", "CAS, 100k keys", ""},
	{"memory: GetRange, 100 of 100k", "memory", "GetRange, 100 of 100k keys", ""},
	{"memory: 100k leases, each", "leases in memory", "memory of each of 100k", ""},
	{"memory: 100k leases end, lateness", "leases in memory", "100k end within 1 s: lateness", ""},
	{"10,000 waits on one key of etcd", "etcd", "10,000 waits on one key, until the last has returned", ""},
	{"cut off: learns it only after the next one holds, of 24", "faults", faultRows[0].name, ""},
	{"cut off, looks before each write: stale writes", "faults", faultRows[1].name, ""},
	{"stopped, looks before each write: stale writes, of 50", "faults", faultRows[2].name, ""},
	{"killed: until the next one holds, over the TTL", "faults", faultRows[3].name, ""},
	{"coord run L true, whole, without the embedded server", "programs", "run a lock around true; coord built with nolocal", etcdctl},
	{"coord run L true, whole, with the embedded server", "programs", "run a lock around true; coord as it is built", etcdctl},
}

// printTargets writes the numbers to reach and what became of them, and says which the run has not measured.
func printTargets(w io.Writer, r *report) {
	wheres := r.wheres()
	if len(wheres) == 0 {
		wheres = []string{""}
	}
	fmt.Fprint(w, "\n## Numbers to reach\n\n| what | against | goal |")
	for _, where := range wheres {
		if where == "" {
			where = "measured"
		}
		fmt.Fprintf(w, " %s: p50 / p99 | |", where)
	}
	fmt.Fprintf(w, "\n|---|---|---|%s\n", strings.Repeat("---:|---|", len(wheres)))
	var absent []string
	for _, t := range targets {
		line, shown := t.line(r, wheres)
		if !shown {
			absent = append(absent, t.what)
			continue
		}
		fmt.Fprintln(w, line)
	}
	if len(absent) > 0 {
		fmt.Fprintf(w, "\nNot measured in this run: %s.\n", strings.Join(absent, "; "))
	}
}

// line is a target's, with a pair of columns for each directory.
func (t target) line(r *report, wheres []string) (string, bool) {
	var b strings.Builder
	shown := false
	for i, where := range wheres {
		own, f := t.figures(r, where)
		if f == nil && i == 0 {
			own, f = t.figures(r, "") // of what needs no etcd
		}
		if f == nil {
			b.WriteString(" | |")
			continue
		}
		if !shown {
			fmt.Fprintf(&b, "| %s | %s | %s |%s ", t.what, t.against, f.Goal, strings.Repeat(" | |", i))
		}
		shown = true
		if t.against != "" {
			fmt.Fprintf(&b, "**%s** (%s) | %s |", factor(f.Ratio), own, f.Verdict)
		} else {
			fmt.Fprintf(&b, "%s | %s |", own, f.Verdict)
		}
	}
	return b.String(), shown
}

// figures finds what the goal stands beside, and shows coord's own figures.
func (t target) figures(r *report, where string) (own string, f *figures) {
	l := r.find(t.group, t.row, where)
	if l == nil {
		return "", nil
	}
	i := 0
	if t.against != "" {
		i = slices.IndexFunc(l.Ways, func(f figures) bool { return f.Who == t.against })
	}
	if i < 0 {
		return "", nil
	}
	ours := l.Ways[0]
	return fmt.Sprintf("%s / %s", l.Unit.show(ours.P50), l.Unit.show(ours.P99)), &l.Ways[i]
}
