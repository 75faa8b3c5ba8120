//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
)

// journal is what is told of a soak while it runs. Nothing in it grows with what was done.
type journal struct {
	start time.Time

	mu      sync.Mutex
	kinds   map[string]*tally
	broken  []string // promises that were
	looks   int      // at the view of the service
	lacking int      // those at which somebody was missing who lives
	faults  []slot
	samples []sample

	// Since the last fault began.
	lastWrite             time.Time // that was acknowledged
	gap                   time.Duration
	errors, lost, missing int
}

// tally is what became of one kind of operation.
type tally struct {
	done   int
	took   histogram
	most   time.Duration
	over   time.Duration // by how much one outlasted its time, at most
	failed map[string]int
}

// slot is the time from one fault to the next.
type slot struct {
	at     time.Duration
	fault  string
	lasted time.Duration
	gap    time.Duration // the longest without an acknowledged write
	errors int
	lost   int // holds
	missed int // looks at the view at which somebody was missing who lives
}

// sample is what this process uses at a moment, but for the goroutines of proxies.
type sample struct {
	at                      time.Duration
	heap, goroutines, files float64
}

func newJournal() *journal {
	now := time.Now()
	return &journal{start: now, lastWrite: now, kinds: make(map[string]*tally)}
}

// do does something of a kind within a time, and notes what became of it, unless ctx has ended.
func (j *journal) do(ctx context.Context, kind string, within time.Duration, f func(context.Context) error) error {
	short, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	start := time.Now()
	err := f(short)
	took := time.Since(start)
	if ctx.Err() != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	k := j.kinds[kind]
	if k == nil {
		k = &tally{failed: make(map[string]int)}
		j.kinds[kind] = k
	}
	k.over = max(k.over, took-within)
	if err != nil {
		k.failed[class(err)]++
		j.errors++
		return err
	}
	k.done++
	k.took.add(took)
	k.most = max(k.most, took)
	return nil
}

// wrote notes an acknowledged write.
func (j *journal) wrote() {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	j.gap = max(j.gap, now.Sub(j.lastWrite))
	j.lastWrite = now
}

// looked notes a look at the view.
func (j *journal) looked(lacking bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.looks++
	if lacking {
		j.lacking++
		j.missing++
	}
}

// lose notes that a hold was lost.
func (j *journal) lose() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lost++
}

// breaks notes that a promise was broken.
func (j *journal) breaks(what string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.broken) < 20 {
		j.broken = append(j.broken, fmt.Sprintf("%v: ", time.Since(j.start).Round(time.Second))+fmt.Sprintf(what, args...))
	}
}

// fault begins the slot of a fault, and endSlot ends it.
func (j *journal) fault(name string) (begun time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.gap, j.errors, j.lost, j.missing = 0, 0, 0, 0
	j.faults = append(j.faults, slot{at: time.Since(j.start), fault: name})
	return time.Now()
}

func (j *journal) endSlot(lasted time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := &j.faults[len(j.faults)-1]
	s.lasted, s.gap, s.errors, s.lost, s.missed = lasted, max(j.gap, time.Since(j.lastWrite)), j.errors, j.lost, j.missing
}

// watch samples what this process uses, until ctx ends.
func (j *journal) watch(ctx context.Context, t *testing.T) {
	for every := time.NewTicker(2 * time.Second); ; {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		s := sample{at: time.Since(j.start), heap: float64(m.HeapAlloc), files: float64(descriptors(t, os.Getpid()))}
		s.goroutines = float64(runtime.NumGoroutine() - goroutines("etcdtest.") - goroutines(".clearThen("))
		j.mu.Lock()
		j.samples = append(j.samples, s)
		j.mu.Unlock()
	}
}

// class is what an error comes to for its caller.
func class(err error) string {
	for _, c := range []struct {
		is   error
		name string
	}{
		{session.ErrLost, "lost"}, {kv.ErrUncertain, "outcome unknown"}, {context.DeadlineExceeded, "out of time"},
		{kv.ErrUnavailable, "unavailable"}, {kv.ErrWrongVersion, "wrong version"}, {kv.ErrNotFound, "not found"},
	} {
		if errors.Is(err, c.is) {
			return c.name
		}
	}
	return "other: " + err.Error()
}

// classes are all that there were.
func (j *journal) classes() []string {
	all := make(map[string]bool)
	for _, k := range j.kinds {
		for c := range k.failed {
			all[c] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// histogram counts times to within five per cent.
type histogram struct {
	n      int
	counts [400]int
}

const (
	finest = 10 * time.Microsecond
	step   = 1.05
)

func (h *histogram) add(d time.Duration) {
	i := 0
	if d > finest {
		i = min(int(math.Log(float64(d)/float64(finest))/math.Log(step))+1, len(h.counts)-1)
	}
	h.counts[i]++
	h.n++
}

// quantile is the time that so much of all did not exceed.
func (h *histogram) quantile(q float64) time.Duration {
	seen := 0
	for i, n := range h.counts {
		if seen += n; float64(seen) >= q*float64(h.n) {
			return time.Duration(float64(finest) * math.Pow(step, float64(i)))
		}
	}
	return 0
}
