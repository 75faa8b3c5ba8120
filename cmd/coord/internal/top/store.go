package top

import (
	"cmp"
	"fmt"
	"time"
)

// silentAfter is how long a store that says nothing passes for one that is there.
const silentAfter = 4 * time.Second

// store is what is known of the store itself.
type store struct {
	name  string
	trips []time.Duration // of the last questions asked, the latest last
	heard time.Time       // when it answered anything last
	err   error           // why it does not
	// seen is when the watch told something last, and lost why it does not watch.
	seen time.Time
	lost error
}

// answered takes in what became of a question, and how long that took.
func (s *store) answered(trip time.Duration, err error, now time.Time) {
	if s.err = err; err != nil {
		return
	}
	s.trips = remember(s.trips, trip)
	s.heard = now
}

// watched takes in that the watch goes on, or why it does not.
func (s *store) watched(err error, now time.Time) {
	if s.lost = err; err == nil {
		s.heard, s.seen = now, now
	}
}

// outage is what is said of a store that does not answer, or cannot be watched; empty if all is well.
func (s *store) outage(now time.Time) string {
	silent := now.Sub(s.heard)
	switch {
	case s.err == nil && s.lost == nil && silent < silentAfter:
		return ""
	case s.err == nil && s.lost != nil:
		return fmt.Sprintf("NOT WATCHED, this is as of %s: %v", s.seen.Format(time.TimeOnly), s.lost)
	}
	what := fmt.Sprintf("NO ANSWER for %s, this is as of %s", brief(silent), s.heard.Format(time.TimeOnly))
	if err := cmp.Or(s.err, s.lost); err != nil {
		what += ": " + err.Error()
	}
	return what
}
