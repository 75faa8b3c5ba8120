// Command bench compares coord with its peers, side by side in one run, and writes what it found as a page in Markdown with charts.
//
//	go run . -o ../docs         all of it, in about twenty minutes
//	go run . -quick             all of it, in few rounds, to see that it works: the figures are worth little
//	go run . -rows '^elections: Campaign' -for 20s
//
// What is compared is measured in turn, in short blocks, so that a noisy machine hits all alike; trust the ratios. It starts the etcd
// that it needs itself, as a process of its own with the default settings, once for each directory given by -etcd: on a disk and
// in memory, to see what fsync costs. Rows are chosen by a regular expression that matches group and name.
//
// Figures of two runs are never shown side by side. -save keeps a run, and -from shows it again, for the same sources only.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// settings are what the flags say.
type settings struct {
	only  *regexp.Regexp
	pace  pace
	quick bool
	dirs  []string
	out   string // directory of the page; empty: standard output
	save  string

	end  time.Time // of the rows' time; zero if they take what they take
	left int       // how many rows are still to be measured
}

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 && roles[os.Args[1]] != nil {
		check(roles[os.Args[1]](os.Args[2:]))
		return
	}
	o, from := parse()
	if from != "" {
		r, err := saved(from, thisMachine().Commit)
		check(err)
		check(o.write(r))
		return
	}
	o.plan()
	r := newReport(strings.Join(append([]string{"go run ."}, os.Args[1:]...), " "))
	for _, g := range groups {
		o.measure(r, g)
	}
	o.idle(r)
	o.idleLeaders(r)
	o.grow(r)
	r.Ended, r.Load[1] = time.Now(), load()
	check(o.write(r))
	cleanUp()
}

// atEnd is what is to be done before this process ends.
var atEnd []func()

func cleanUp() {
	for _, f := range atEnd {
		f()
	}
}

// parse reads the flags. from is a run to be shown again.
func parse() (o settings, from string) {
	rows := flag.String("rows", "", "measure only the rows that match, such as ^memory or wake")
	span := flag.Duration("for", time.Second, "how long to measure a row at least")
	dirs := flag.String("etcd", strings.Join(defaultDirs(), ","), "where etcd keeps its data; several, separated by commas, are measured one after the other")
	flag.BoolVar(&o.quick, "quick", false, "few rounds, and short ones")
	flag.StringVar(&o.out, "o", "", "the directory to write benchmarks.md and its charts to; empty: the page on standard output, without charts")
	flag.StringVar(&o.save, "save", "", "a file to keep the run's figures in")
	flag.StringVar(&from, "from", "", "a file made by -save: show that run again and measure nothing")
	flag.Parse()
	if flag.NArg() > 0 {
		check(fmt.Errorf("figures come from this run alone, so there are no arguments: %q", flag.Args()))
	}
	var err error
	o.only, err = regexp.Compile(*rows)
	check(err)
	o.dirs = strings.Split(*dirs, ",")
	o.pace = pace{span: *span, most: 10 * time.Second, rounds: 5}
	if o.quick {
		o.pace = pace{span: *span / 10, most: 3 * time.Second, rounds: 2}
	}
	return o, from
}

// defaultDirs are a directory on a disk, as a rule, and one in memory where there is one.
func defaultDirs() []string {
	dirs := []string{os.TempDir()}
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		dirs = append(dirs, "/dev/shm")
	}
	return dirs
}

// measure adds a group's tables to the report: one, or one for each directory.
func (o *settings) measure(r *report, g group) {
	for _, where := range g.wheres(o.dirs) {
		if t := o.table(g, where); t != nil {
			r.Tables = append(r.Tables, t)
			o.keep(r)
		}
	}
}

// table measures the rows of a group that match. With a where, an etcd runs meanwhile.
func (o *settings) table(g group, where string) *table {
	t := &table{Group: g.name, Where: where, Note: g.note, Cost: "allocs", Load: [2]number{load(), none}}
	s := &stage{quick: o.quick}
	start := time.Now()
	for _, r := range g.rows {
		if !o.only.MatchString(g.name + ": " + r.name) {
			continue
		}
		if where != "" && s.server == nil {
			s.server = serveIn(where)
			defer s.server.stop()
		}
		began := time.Now()
		if g.rounds == 0 {
			o.left--
		}
		ways := r.set(s)
		if ways == nil {
			continue
		}
		fs, err := figuresOf(s.alternate(ways, o.share(g)))
		if err != nil {
			check(fmt.Errorf("%s: %s: %w", g.name, r.name, err))
		}
		s.clear()
		t.Lines = append(t.Lines, line{r.name, r.unit, fs})
		fmt.Fprintf(os.Stderr, "%s: %s: %s in %.1f s\n", g.name, r.name, r.unit.show(fs[0].P50), time.Since(began).Seconds())
	}
	if t.Lines == nil {
		return nil
	}
	t.Took, t.Load[1] = time.Since(start), load()
	return t
}

// budget is what all takes, and alongside is what of it is not for rows: for what idles, and how cost grows.
const budget, alongside = 12 * time.Minute, 5 * time.Minute

// plan divides the time among the rows, if all are measured.
func (o *settings) plan() {
	for _, g := range groups {
		if g.rounds == 0 {
			o.left += len(g.rows) * len(g.wheres(o.dirs))
		}
	}
	if o.only.String() == "" {
		o.end = time.Now().Add(budget - alongside)
	}
}

// share is the pace of a row of the group. On a slow machine it is a part of what time is left, but two rounds at least.
func (o *settings) share(g group) pace {
	switch {
	case g.rounds > 0 && o.quick:
		return pace{rounds: 1}
	case g.rounds > 0:
		return pace{rounds: g.rounds}
	}
	p := o.pace
	if !o.end.IsZero() {
		fair := max(time.Until(o.end)/time.Duration(o.left+1), 0)
		p.span, p.most = min(p.span, fair), min(p.most, 2*fair)
	}
	return p
}

// keep writes what there is of the page, so that a run that breaks off leaves what it has.
func (o *settings) keep(r *report) {
	if o.out != "" {
		check(o.write(r))
	}
}

// write shows the report where the flags say, and keeps it.
func (o *settings) write(r *report) error {
	if o.save != "" {
		if err := r.save(o.save); err != nil {
			return err
		}
	}
	if o.out == "" {
		printReport(os.Stdout, r, nil)
		return nil
	}
	var drawn []string
	for _, c := range charts {
		name := c.file
		svg := c.draw(r)
		if svg == "" {
			continue // nothing of it was measured
		}
		if err := os.WriteFile(filepath.Join(o.out, name), []byte(svg), 0o644); err != nil {
			return err
		}
		drawn = append(drawn, name)
	}
	return writeFile(filepath.Join(o.out, "benchmarks.md"), func(w io.Writer) { printReport(w, r, drawn) })
}

func writeFile(name string, print func(w io.Writer)) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	print(f)
	return errors.Join(f.Sync(), f.Close())
}

// check ends the program if err is not nil. An etcd that was started ends with it.
func check(err error) {
	if err != nil {
		cleanUp()
		log.Fatal("bench: ", err)
	}
}

// must is the value of a call that cannot go on without it.
func must[T any](v T, err error) T {
	check(err)
	return v
}
