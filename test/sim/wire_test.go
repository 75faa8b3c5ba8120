package sim

import (
	"container/heap"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing/synctest"
	"time"
)

// wire is the network of a run and its clock. Its events are carried by one goroutine, the driver, which is the test's own; all methods
// but post are the driver's only.
type wire struct {
	seed   uint64
	dice   *rand.Rand // of what is not a message's
	events events
	posted int // events so far, which orders those of one moment
	trace  *trace

	mu      sync.Mutex
	arrived []arrival
	poke    chan struct{} // holds one when something has arrived
}

// arrival is what somebody wants the driver to do. Those of one moment are done in the order of their names.
type arrival struct {
	name string
	do   func()
}

// event is what the driver does at a time.
type event struct {
	at  time.Time
	seq int
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	if !e[i].at.Equal(e[j].at) {
		return e[i].at.Before(e[j].at)
	}
	return e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func newWire(seed uint64, t *trace) *wire {
	return &wire{seed: seed, dice: rand.New(rand.NewPCG(seed, 0)), trace: t, poke: make(chan struct{}, 1)}
}

// of returns the dice of one message, by its name and its time, so that two that are alike fare alike, and the fate of one does not hang on
// how many there were before.
func (w *wire) of(name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return rand.New(rand.NewPCG(w.seed^h.Sum64(), uint64(time.Now().UnixNano())))
}

// post has the driver do something, once nobody runs any more.
func (w *wire) post(name string, do func()) {
	w.mu.Lock()
	w.arrived = append(w.arrived, arrival{name, do})
	w.mu.Unlock()
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

// after has the driver do something a while from now.
func (w *wire) after(d time.Duration, do func()) {
	w.posted++
	heap.Push(&w.events, event{time.Now().Add(d), w.posted, do})
}

// upTo is a random time below d.
func upTo(dice *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(dice.Int64N(int64(d)))
}

// drive carries events until done, and returns true; or for so long, and returns false.
func (w *wire) drive(long time.Duration, done func() bool) bool {
	end := time.Now().Add(long)
	for {
		synctest.Wait() // all that can run has run
		now := time.Now()
		switch {
		case w.admit():
		case done != nil && done():
			return true
		case len(w.events) > 0 && !w.events[0].at.After(now):
			heap.Pop(&w.events).(event).do()
		case !now.Before(end):
			return false
		default:
			w.idle(end.Sub(now))
		}
	}
}

// idle lets time pass until the next event, or until somebody's own timer has had something sent.
func (w *wire) idle(most time.Duration) {
	if len(w.events) > 0 {
		most = min(most, time.Until(w.events[0].at))
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-w.poke:
	case <-timer.C:
	}
}

// admit does what was posted, and reports whether there was anything.
func (w *wire) admit() bool {
	w.mu.Lock()
	arrived := w.arrived
	w.arrived = nil
	w.mu.Unlock()
	slices.SortStableFunc(arrived, func(a, b arrival) int { return strings.Compare(a.name, b.name) })
	for _, a := range arrived {
		a.do()
	}
	return len(arrived) > 0
}
