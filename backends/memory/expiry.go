package memory

import (
	"container/heap"
	"time"
)

// ends are the leases that run out, as a heap by their ends. A lease that is renewed is not in it, so a renewal costs nothing and an idle
// store has no timer.
type ends []*lease

func (e ends) Len() int           { return len(e) }
func (e ends) Less(i, j int) bool { return e[i].end.Before(e[j].end) }
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
	l.place = -1
	return l
}

// runOutLocked lets the lease run out after d. Whoever calls it re-arms the timer.
func (l *lease) runOutLocked(d time.Duration) {
	l.end = time.Now().Add(d)
	if l.place < 0 {
		heap.Push(&l.s.d.ends, l)
	} else {
		heap.Fix(&l.s.d.ends, l.place)
	}
}

// renewForeverLocked takes the lease out of the heap: it is renewed from now on.
func (l *lease) renewForeverLocked() {
	l.end = time.Time{}
	if l.place >= 0 {
		heap.Remove(&l.s.d.ends, l.place)
	}
}

// rearmLocked sets the one timer to the end of the next lease that runs out.
func (d *data) rearmLocked() {
	if len(d.ends) == 0 {
		if d.timer != nil {
			d.timer.Stop()
		}
		return
	}
	wait := time.Until(d.ends[0].end)
	if d.timer == nil {
		d.timer = time.AfterFunc(wait, d.expire)
	} else {
		d.timer.Reset(wait)
	}
}

// expire ends the leases whose time is up.
func (d *data) expire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for now := time.Now(); len(d.ends) > 0 && !d.ends[0].end.After(now); {
		d.endLocked(d.ends[0])
	}
	d.rearmLocked()
}

// endLocked ends the lease and removes all that goes with it, in one step. It may be over already.
func (d *data) endLocked(l *lease) {
	if l.over {
		return
	}
	l.over = true
	delete(d.leases, l.id)
	delete(l.s.kept, l)
	if l.place >= 0 {
		heap.Remove(&d.ends, l.place)
	}
	for it := range l.items {
		d.removeLocked(it)
	}
	close(l.done)
}
