package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"time"
)

// report is all that a run has measured. Figures of two runs are never put side by side: they would compare two moments of the machine.
type report struct {
	Run      string // no other run has it
	Started  time.Time
	Ended    time.Time // zero while it is under way
	Settings string
	Machine  machine
	Load     [2]number // before and after
	Tables   []*table
	Idle     []*idling
	Curves   []*curve
}

// table is what was measured of a group of rows.
type table struct {
	Group string
	Where string // the directory of etcd's data; empty without an etcd
	Note  string `json:",omitempty"`
	Cost  string // what the rows count: allocs or calls
	Took  time.Duration
	Load  [2]number
	Lines []line
}

// line is a row, measured.
type line struct {
	Name string
	Unit unit
	Ways []figures // coord's first
}

// figures are of one way. Those that nobody counted are NaN.
type figures struct {
	Who      string
	N        int    // how many values there are
	P50, P99 number // in the line's unit
	Cost     number // of one operation, as the table says
	// What lies between the beginning and the end of the blocks, what prepares an operation included, divided by the operations.
	Bytes          number // on the wire, both ways
	Client, Server number // nanoseconds of processors
	// Coord's figure over this one, the median of the rounds and its quartiles.
	Ratio, RatioLow, RatioHigh number
	Goal                       string
	Verdict                    string
}

// number is a float64 that JSON can tell if it is none.
type number float64

func (n number) none() bool { return math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) }

func (n number) MarshalJSON() ([]byte, error) {
	if n.none() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

func (n *number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = number(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}

var none = number(math.NaN())

// newReport begins a run.
func newReport(settings string) *report {
	now := time.Now()
	return &report{
		Run: fmt.Sprintf("%s-%d", now.UTC().Format("20060102-150405"), os.Getpid()), Started: now, Settings: settings,
		Machine: thisMachine(), Load: [2]number{load(), none},
	}
}

// figuresOf judges what was measured in a row.
func figuresOf(results []result) ([]figures, error) {
	fs := make([]figures, len(results))
	for i, r := range results {
		f := figures{
			Who: r.who, N: len(r.sorted), P50: number(quantile(r.sorted, 0.5)), P99: number(quantile(r.sorted, 0.99)), Cost: number(r.cost),
			Bytes: per(r.spent.bytes, r.ops), Client: per(float64(r.spent.client), r.ops), Server: per(float64(r.spent.server), r.ops),
			Ratio: none, RatioLow: none, RatioHigh: none, Goal: r.goal,
		}
		// Of what has a sign, or is nothing, a ratio says nothing.
		if rs := ratios(results[0], r); i > 0 && slices.Min(results[0].rounds) > 0 && slices.Min(r.rounds) > 0 {
			f.Ratio, f.RatioLow, f.RatioHigh = number(quantile(rs, 0.5)), number(quantile(rs, 0.25)), number(quantile(rs, 0.75))
		}
		var err error
		if f.Verdict, err = verdict(r.goal, i == 0, f); err != nil {
			return nil, fmt.Errorf("%s: %w", r.who, err)
		}
		fs[i] = f
	}
	return fs, nil
}

// per is a part of a total; none if there is nothing to divide.
func per(total, n float64) number {
	if n == 0 || total == 0 {
		return none
	}
	return number(total / n)
}

// find returns the line of the name in a group's table; where is the directory of etcd's data, empty without an etcd.
func (r *report) find(group, name, where string) *line {
	for _, t := range r.Tables {
		for i := range t.Lines {
			if t.Group == group && t.Where == where && t.Lines[i].Name == name {
				return &t.Lines[i]
			}
		}
	}
	return nil
}

func (r *report) save(path string) error {
	b, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// saved reads a run back, to be shown again. It refuses one of other sources than these, for its figures say nothing about them.
func saved(path, commit string) (*report, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(report)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if r.Machine.Commit != commit {
		return nil, fmt.Errorf("%s: run %s measured commit %.10s, and this is %.10s: figures of two runs are not compared, measure again",
			path, r.Run, r.Machine.Commit, commit)
	}
	return r, nil
}
