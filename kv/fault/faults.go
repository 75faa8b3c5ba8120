package fault

import (
	"fmt"
	"time"
)

// Faults say how often what goes wrong. The rates are between 0 and 1, and together at most 1; the zero value is a way without faults.
// A read ("get", "get range", "read place", "get lease", and the beginning of "wait" and "watch range") can only be refused or delayed.
// Once it stands, a wait or a watch goes as the store has it.
type Faults struct {
	// Refused is the rate of calls that fail with kv.ErrUnavailable: nothing was sent.
	Refused float64
	// RequestLost is the rate of writes that fail with kv.ErrUncertain, and are never made.
	RequestLost float64
	// AnswerLost is the rate of writes that are made, and fail with kv.ErrUncertain.
	AnswerLost float64
	// Late is the rate of writes that fail with kv.ErrUncertain, and are made afterwards, up to LateAtMost later.
	Late float64
	// LateAtMost bounds how late they are; zero is one second.
	LateAtMost time.Duration
	// DelayAtLeast and DelayAtMost are what each call takes on its way to the store. If ctx ends before, it is not sent.
	DelayAtLeast, DelayAtMost time.Duration
}

// mustBeValid panics if a rate or a time makes no sense: that is a mistake in the test.
func (f Faults) mustBeValid() {
	sum := 0.0
	for _, rate := range []float64{f.Refused, f.RequestLost, f.AnswerLost, f.Late} {
		if !(rate >= 0) { // NaN is no rate either
			panic(fmt.Sprintf("fault: a rate of %v", rate))
		}
		sum += rate
	}
	switch {
	case sum > 1+1e-9: // ten times 0.1 may be a little more
		panic(fmt.Sprintf("fault: rates of %v together", sum))
	case f.LateAtMost < 0 || f.DelayAtLeast < 0 || f.DelayAtMost < f.DelayAtLeast:
		panic(fmt.Sprintf("fault: late by %v, delays from %v to %v", f.LateAtMost, f.DelayAtLeast, f.DelayAtMost))
	}
}

// kind is what goes wrong with a call.
type kind int

const (
	good kind = iota
	refused
	requestLost
	answerLost
	late
)

// fate is what becomes of a call.
type fate struct {
	fault       kind
	delay, late time.Duration
}

// throw decides the fate of a call. Each takes the same numbers from the dice, so that a change of the faults leaves the
// others' fates as they were.
func (s *Storage) throw(writes bool) fate {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.faults
	if f.LateAtMost == 0 {
		f.LateAtMost = time.Second
	}
	which, delay, lateness := s.dice.Float64(), s.dice.Float64(), s.dice.Float64()
	return fate{
		fault: f.kind(which, writes),
		delay: f.DelayAtLeast + time.Duration(delay*float64(f.DelayAtMost-f.DelayAtLeast)),
		late:  time.Duration(lateness * float64(f.LateAtMost)),
	}
}

// kind tells which of the faults a number between 0 and 1 falls upon.
func (f Faults) kind(which float64, writes bool) kind {
	if which < f.Refused {
		return refused
	}
	if !writes {
		return good
	}
	for _, k := range []struct {
		kind kind
		upTo float64
	}{
		{requestLost, f.Refused + f.RequestLost},
		{answerLost, f.Refused + f.RequestLost + f.AnswerLost},
		{late, f.Refused + f.RequestLost + f.AnswerLost + f.Late},
	} {
		if which < k.upTo {
			return k.kind
		}
	}
	return good
}
