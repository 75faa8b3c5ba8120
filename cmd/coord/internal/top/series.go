package top

import "time"

// A series has a number for each of the last steps: the largest that it was in that time.
const (
	step  = 2 * time.Second
	steps = 30
)

type series struct {
	at     int64 // the number of the last step
	values []int // up to steps of them, the latest last
	now    int
}

// set says what the number is from now on.
func (s *series) set(now time.Time, n int) {
	s.advance(now)
	s.now = n
	last := &s.values[len(s.values)-1]
	*last = max(*last, n)
}

// advance goes on to the present step. A number lasts until another is set.
func (s *series) advance(now time.Time) {
	at := now.UnixNano() / int64(step)
	if s.values == nil {
		s.at, s.values = at, []int{s.now}
	}
	for n := min(at-s.at, steps); n > 0; n-- {
		s.values = append(s.values, s.now)
	}
	s.at = max(s.at, at)
	s.values = s.values[max(0, len(s.values)-steps):]
}

// last are the last n numbers.
func (s *series) last(n int) []int { return s.values[max(0, len(s.values)-n):] }
