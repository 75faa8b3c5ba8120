package memory

import (
	"container/heap"
	"math"
	"time"
)

// ends are the leases that run out, as a heap by their ends. A lease that is renewed is not in it, so a renewal costs nothing
// and an idle store has no timer.
type ends []*lease

// never is an end, or an alarm, that does not come.
const never = time.Duration(math.MaxInt64)

// together is how many leases end under one hold of the lock, so that many that end at once do not keep everybody else out.
const together = 512

func (e ends) Len() int { return len(e) }

// Less is by the end; of two that end together, as after a cut, the one that was granted first goes first.
func (e ends) Less(i, j int) bool {
	if e[i].end != e[j].end {
		return e[i].end < e[j].end
	}
	return e[i].id < e[j].id
}

func (e ends) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].place, e[j].place = i, j
}

// Push implements heap.Interface.
func (e *ends) Push(x any) {
	l := x.(*lease)
	l.place = len(*e)
	*e = append(*e, l)
}

// Pop implements heap.Interface.
func (e *ends) Pop() any {
	last := len(*e) - 1
	l := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	l.place = renewed
	return l
}

// now is the time since the store was born.
func (d *data) now() time.Duration { return time.Since(d.born) }

// runOutLocked lets the lease run out a TTL from now. Whoever calls it re-arms the timer.
func (l *lease) runOutLocked() {
	now := l.s.d.now()
	l.end = now + min(l.ttl, never-max(now, 0)) // the longest TTLs do not overflow
	heap.Push(&l.s.d.ends, l)
}

// renewForeverLocked takes the lease out of the heap, if it is there.
func (l *lease) renewForeverLocked() {
	if l.place != renewed {
		heap.Remove(&l.s.d.ends, l.place)
	}
}

// rearmLocked sees to it that the one timer fires when the next lease runs out, or before. It is set back only if a lease runs out
// sooner than it would fire, for setting it costs more than the rest of a grant.
func (d *data) rearmLocked() {
	switch {
	case len(d.ends) == 0:
		if d.alarm != never {
			d.timer.Stop()
			d.alarm = never
		}
		return
	case d.alarm <= d.ends[0].end && d.alarm != never:
		return
	}
	d.alarm = d.ends[0].end
	if wait := d.alarm - d.now(); d.timer == nil {
		d.timer = time.AfterFunc(wait, d.ring)
	} else {
		d.timer.Reset(wait)
	}
}

// ring ends the leases whose time is up, on the timer's goroutine.
func (d *data) ring() {
	for d.expire(together) {
	}
}

// expire ends up to n leases whose time is up, and reports whether there may be more.
func (d *data) expire(n int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	for range n {
		if !d.expireOneLocked(now) {
			d.alarm = never
			d.rearmLocked()
			return false
		}
	}
	return true
}

// expireOneLocked ends the next lease if its time is up, and reports whether it was.
func (d *data) expireOneLocked(now time.Duration) bool {
	if len(d.ends) == 0 || d.ends[0].end > now {
		return false
	}
	l := d.ends[0]
	d.endLocked(l)
	l.learnLocked() // cut off or not: its TTL is at zero
	return true
}

// endLocked ends the lease in the store and removes all that is bound to it, in one step. It may be over already. A handle that
// cannot hear of it goes on counting the time that it knows of.
func (d *data) endLocked(l *lease) {
	if l.over {
		return
	}
	l.over = true
	delete(d.leases, l.id)
	delete(l.s.kept, l)
	d.removeBoundLocked(l)
	if l.s.cut || l.s.isClosed() {
		l.s.unheard[l] = struct{}{}
		return
	}
	l.learnLocked()
}

// learnLocked lets the lease's own handle know that it is over, if it does not yet.
func (l *lease) learnLocked() {
	if l.known {
		return
	}
	l.known = true
	delete(l.s.unheard, l)
	if l.place != renewed {
		heap.Remove(&l.s.d.ends, l.place)
	}
	if l.done != nil {
		close(l.done)
	}
}
