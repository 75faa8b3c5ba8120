package pick

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coordkit/coord/primitives/registry"
)

// load is what a P2C picker knows of one instance. Picks read it without a lock, so that they may see the average and the
// moment it is of from two answers; it is a hint, and off by one answer at most.
type load struct {
	p       *P2C
	present int64 // when it was last one to pick from; guarded by p.tables.mu

	inFlight atomic.Int64
	mu       sync.Mutex    // one answer at a time is reckoned in
	average  atomic.Uint64 // of the latency, in nanoseconds: the bits of a float64; written with mu held
	at       atomic.Int64  // when it was reckoned; 0: never; written with mu held
}

// unheard is the latency of an instance that has work, and has never answered: worse than any that has.
const unheard = float64(time.Hour)

// per returns the load for each unit of the instance's weight.
func (l *load) per(i *registry.Instance, now int64) float64 {
	return l.latency(now) / float64(weight(i))
}

// latency returns how long one more piece of work is to be expected to take, or rather a number that grows with that.
func (l *load) latency(now int64) float64 {
	n := l.inFlight.Load()
	if l.p.decay < 0 {
		return float64(n + 1)
	}
	at := l.at.Load()
	switch {
	case at == 0 && n == 0:
		return 0
	case at == 0:
		return unheard * float64(n+1)
	}
	average := math.Float64frombits(l.average.Load())
	if n == 0 { // forgiven while there is nothing that it could be late with
		average *= l.left(now - at)
	}
	return average * float64(n+1)
}

// left returns what weight remains to a thing seen that long ago.
func (l *load) left(ago int64) float64 { return math.Exp(-float64(max(ago, 0)) / l.p.decay) }

// done counts the end of a piece of work.
func (l *load) done(start int64, err error) {
	if l.p.decay >= 0 {
		now := l.p.now()
		l.reckon(now, float64(now-start), err)
	}
	l.inFlight.Add(-1) // last: while it is in flight nobody takes the average for an old one
}

// reckon takes an answer into the average.
func (l *load) reckon(now int64, took float64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	average, at := math.Float64frombits(l.average.Load()), l.at.Load()
	counts := took
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled):
		if took <= average {
			return // it would have taken longer than that: nothing new
		}
	default:
		counts = max(took, l.p.failureCost)
	}
	old := 0.0
	if at != 0 {
		old = l.left(now - at)
	}
	average = max(took, average*old+counts*(1-old)) // took is the larger one if it is a peak
	l.average.Store(math.Float64bits(average))
	l.at.Store(now)
}
