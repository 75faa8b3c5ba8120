//go:build linux

package faults

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/version"
)

// resource is what was used of something in the first and the last third of the time, in the quietest tenth of each: faults come by chance, and
// each makes many wait for a while, but what leaks is there in quiet times, too.
type resource struct {
	name        string
	first, last float64
}

// settled are the samples after the warm-up, which is longer for a run that can afford it.
func (j *journal) settled() []sample {
	from := warmUp
	if *soak >= 3*lateOver {
		from = lateOver
	}
	i, _ := slices.BinarySearchFunc(j.samples, from, func(s sample, at time.Duration) int { return int(s.at - at) })
	return j.samples[i:]
}

func (j *journal) resources() []resource {
	all := j.settled()
	third := len(all) / 3
	first, last := quietest(all[:third]), quietest(all[len(all)-third:])
	return []resource{
		{"heap, MB", first.heap / 1e6, last.heap / 1e6}, {"goroutines", first.goroutines, last.goroutines},
		{"descriptors", first.files, last.files},
	}
}

func quietest(all []sample) sample {
	of := func(what func(sample) float64) float64 {
		var values []float64
		for _, s := range all {
			values = append(values, what(s))
		}
		slices.Sort(values)
		return values[len(values)/10]
	}
	return sample{
		heap:       of(func(s sample) float64 { return s.heap }),
		goroutines: of(func(s sample) float64 { return s.goroutines }),
		files:      of(func(s sample) float64 { return s.files }),
	}
}

func mean(all []sample) (m sample) {
	for _, s := range all {
		m.heap, m.goroutines, m.files = m.heap+s.heap, m.goroutines+s.goroutines, m.files+s.files
	}
	n := max(1, float64(len(all)))
	return sample{heap: m.heap / n, goroutines: m.goroutines / n, files: m.files / n}
}

// report is what a person is told.
func (j *journal) report(took time.Duration) string {
	var b strings.Builder
	lost := 0
	for _, s := range j.faults {
		lost += s.lost
	}
	fmt.Fprintf(&b, "# A soak of %.0f minutes\n\n", took.Minutes())
	fmt.Fprintf(&b, "Written by `test/faults.TestSoak` on %s, on %s, with %s and etcd %s on three members of one machine.\n\n",
		time.Now().UTC().Format("2 January 2006"), *soakMachine, runtime.Version(), version.Version)
	fmt.Fprintf(&b, "%d clients, each on a way of its own and with a session of a TTL of %v, contend for %d locks (mutex, rwmutex, semaphore)\n"+
		"and %d elections, keep %d instances registered, and count %d counters up by compare and swap. Every %v one of the faults below\ncomes.\n\n",
		soakClients, soakTTL, soakLocks, soakElections, soakInstances, soakCounters, soakEvery)
	fmt.Fprintf(&b, "There were %d faults, and %d holds were lost by them. Of %d looks at a view of the instances, %d lacked one that lived.\n",
		len(j.faults), lost, j.looks, j.lacking)
	if len(j.broken) == 0 {
		b.WriteString("Nothing was ever held by two by their own word, no token came back, no acknowledged count was lost, and all instances\n" +
			"were there at the end.\n")
	} else {
		fmt.Fprintf(&b, "**Broken:** %s\n", strings.Join(j.broken, "; "))
	}
	j.reportResources(&b)
	j.reportTimes(&b)
	j.reportErrors(&b)
	j.reportFaults(&b)
	return b.String()
}

func (j *journal) reportResources(b *strings.Builder) {
	b.WriteString("\n## What the process used\n\nThe heap after a collection, and descriptors, of the clients, the ways and the test; goroutines without those of the ways. The members are\n" +
		"processes of their own.\n\n" +
		"| time | heap, MB | goroutines | descriptors |\n|---|---|---|---|\n")
	all := j.settled()
	const parts = 10
	for i := range parts {
		if part := all[i*len(all)/parts : (i+1)*len(all)/parts]; len(part) > 0 {
			m := mean(part)
			fmt.Fprintf(b, "| %v to %v | %.1f | %.0f | %.0f |\n", part[0].at.Round(time.Second), part[len(part)-1].at.Round(time.Second),
				m.heap/1e6, m.goroutines, m.files)
		}
	}
	var ratios []string
	for _, r := range j.resources() {
		ratios = append(ratios, fmt.Sprintf("%s %.2f", strings.TrimSuffix(r.name, ", MB"), r.last/r.first))
	}
	fmt.Fprintf(b, "\nThe quietest tenth of the last third of the time by that of the first: %s.\n", strings.Join(ratios, ", "))
}

func (j *journal) reportTimes(b *strings.Builder) {
	b.WriteString("\n## How long it took\n\nTo take includes the wait for who holds. To within 5 %; the most is exact.\n\n" +
		"| operation | done | p50 | p99 | most | failed |\n|---|---|---|---|---|---|\n")
	for _, kind := range slices.Sorted(maps.Keys(j.kinds)) {
		k := j.kinds[kind]
		failed := 0
		for _, n := range k.failed {
			failed += n
		}
		fmt.Fprintf(b, "| %s | %d | %v | %v | %v | %d |\n", kind, k.done, rough(k.took.quantile(0.5)), rough(k.took.quantile(0.99)), rough(k.most), failed)
	}
}

func (j *journal) reportErrors(b *strings.Builder) {
	b.WriteString("\n## What failed\n\n")
	classes := j.classes()
	fmt.Fprintf(b, "| operation | %s |\n|---%s|\n", strings.Join(classes, " | "), strings.Repeat("|---", len(classes)))
	for _, kind := range slices.Sorted(maps.Keys(j.kinds)) {
		k := j.kinds[kind]
		if len(k.failed) == 0 {
			continue
		}
		fmt.Fprintf(b, "| %s ", kind)
		for _, c := range classes {
			fmt.Fprintf(b, "| %d ", k.failed[c])
		}
		b.WriteString("|\n")
	}
}

func (j *journal) reportFaults(b *strings.Builder) {
	b.WriteString("\n## The faults\n\nA fault lasts from the first blow until the member is proven to serve again. The gap is the longest time, until the next fault, " +
		"in which no\nclient's count was acknowledged. A look at the view of the instances that lacks one that lives is right where a client was cut off for longer\n" +
		"than its leases live.\n\n| at | fault | lasted | gap | errors | holds lost | looks that lacked one |\n|---|---|---|---|---|---|---|\n")
	for _, s := range j.faults {
		fmt.Fprintf(b, "| %v | %s | %v | %v | %d | %d | %d |\n",
			s.at.Round(time.Second), s.fault, rough(s.lasted), rough(s.gap), s.errors, s.lost, s.missed)
	}
}

// rough is the time as a person reads it.
func rough(d time.Duration) time.Duration {
	switch {
	case d > time.Second:
		return d.Round(10 * time.Millisecond)
	case d > 10*time.Millisecond:
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}
