package sim

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"time"
)

// trace is what has happened in a run, in its order: every message and its fate, what the store answered, every disturbance, and what the
// workers got. It is the driver's only; a nil one notes nothing.
type trace struct {
	begin time.Time
	sum   hash.Hash
	lines []string
}

func newTrace() *trace { return &trace{begin: time.Now(), sum: sha256.New()} }

func (t *trace) add(format string, args ...any) {
	if t == nil {
		return
	}
	line := fmt.Sprintf("%12d ", time.Since(t.begin)) + fmt.Sprintf(format, args...)
	t.lines = append(t.lines, line)
	fmt.Fprintln(t.sum, line)
}

// hash identifies the whole of it.
func (t *trace) hash() string { return fmt.Sprintf("%x", t.sum.Sum(nil)[:8]) }

// diverge returns the first lines in which two traces differ; empty if none do.
func diverge(a, b *trace) (string, string) {
	for i := range min(len(a.lines), len(b.lines)) {
		if a.lines[i] != b.lines[i] {
			return a.lines[i], b.lines[i]
		}
	}
	if len(a.lines) == len(b.lines) {
		return "", ""
	}
	return fmt.Sprint(len(a.lines), " lines"), fmt.Sprint(len(b.lines), " lines")
}
