package main

import (
	"fmt"
	"math"
	"time"
)

// unit is what a row is measured in.
type unit string

const (
	nanoseconds unit = "time"
	perSecond   unit = "rate" // the only one of which more is better
	bytesEach   unit = "bytes"
	each        unit = "each"
	times       unit = "times"
	outOf       unit = "count"
)

func (u unit) show(n number) string {
	v := float64(n)
	switch {
	case math.IsNaN(v):
		return ""
	case u == nanoseconds:
		return duration(v)
	case u == perSecond && v >= 1e6:
		return fmt.Sprintf("%.3g M/s", v/1e6)
	case u == perSecond:
		return fmt.Sprintf("%.0f/s", v)
	case u == bytesEach:
		return fmt.Sprintf("%.0f B", v)
	case u == each:
		return fmt.Sprintf("%.2f", v)
	case u == outOf:
		return fmt.Sprintf("%.0f", v)
	}
	return factor(n)
}

func duration(v float64) string {
	d := time.Duration(v)
	switch {
	case v < 0:
		return "−" + duration(-v)
	case d < time.Microsecond:
		return fmt.Sprintf("%.0f ns", v)
	case d < time.Millisecond:
		return short(v/1e3) + " µs"
	case d < 10*time.Second:
		return short(v/1e6) + " ms"
	}
	return short(v/1e9) + " s"
}

// short is a number with three digits or more.
func short(v float64) string {
	if math.Abs(v) >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

func factor(n number) string { return short(float64(n)) + "×" }
