package semaphore

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/line"
	"github.com/coordkit/coord/primitives/session"
)

var (
	// ErrLost: the permit was lost before it was given back. It is session.ErrLost.
	ErrLost = session.ErrLost
	// ErrFull: there is not as much left, or others asked for it before. The error is a *FullError.
	ErrFull = errors.New("semaphore full")
	// ErrNotHeld: there is no permit under the token that was to be broken.
	ErrNotHeld = errors.New("not held under that token")
)

// Error is a failed operation on a semaphore.
type Error struct {
	// Op is "acquire", "release", "set limit", "inspect", "list" or "break".
	Op string
	// Name is the semaphore's name; empty for "list".
	Name string
	Err  error
}

// Error returns the operation, the name in quotes and the cause.
func (e *Error) Error() string {
	if e.Name == "" {
		return e.Op + " semaphores: " + e.Err.Error()
	}
	return e.Op + " " + strconv.Quote(e.Name) + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// FullError says who has what was not to be had. It is ErrFull, and the error that ended the wait, if one did.
type FullError struct {
	// Name is the semaphore's name, and Weight how much of it was asked for.
	Name   string
	Weight int64
	// Before are those who were there before when the store was last asked: who holds, and who waits. Its Limit is zero, and nobody is
	// in it, if only Ahead is known.
	Before Info
	// Ahead is how many were there before.
	Ahead int
	// Err is what ended the wait: ctx's error. It is nil for TryAcquire.
	Err error
}

func newFullError(name string, weight int64, o *line.OccupiedError) *FullError {
	e := &FullError{Name: name, Weight: weight, Before: Info{Name: name}, Ahead: o.Ahead, Err: o.Err}
	if o.Aside.Key != "" {
		e.Before = newInfo(name, o.Before(), o.Aside)
	}
	return e
}

// Free returns how much nobody holds of what was there; those who wait may have a claim to it. It is zero if only Ahead is known.
func (e *FullError) Free() int64 { return max(0, e.Before.Limit-e.Before.Used) }

// Error tells how much is free, the first holder and how many there are beside it, as far as that is known, and what ended the wait.
func (e *FullError) Error() string {
	s := fmt.Sprintf("semaphore %q: %d wanted", e.Name, e.Weight)
	if e.Before.Limit > 0 {
		s += fmt.Sprintf(", %d of %d free", e.Free(), e.Before.Limit)
	} else {
		s += fmt.Sprintf(", %d ahead in the line", e.Ahead)
	}
	if n := len(e.Before.Holders); n > 0 {
		s += ", held by " + e.Before.Holders[0].String()
		if n > 1 {
			s += fmt.Sprintf(" and %d more", n-1)
		}
	}
	if n := len(e.Before.Queue); n > 0 {
		s += fmt.Sprintf(", %d waiting", n)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Is says that the error is ErrFull.
func (e *FullError) Is(target error) bool { return target == ErrFull }

// Unwrap returns what ended the wait.
func (e *FullError) Unwrap() error { return e.Err }

// LimitError says that the stored limit is not the one that the Semaphore was made with, or is less than what was asked for; then it
// is kv.ErrInvalid, too.
type LimitError struct {
	// Name is the semaphore's name.
	Name string
	// Want is the limit that the Semaphore was made with, Have the stored one.
	Want, Have int64
	// Weight is what was asked for, if that is more than there is; else zero.
	Weight int64
}

// Error tells both limits, or what was asked for.
func (e *LimitError) Error() string {
	if e.Weight > 0 {
		return fmt.Sprintf("semaphore %q: %d wanted, and its limit is %d", e.Name, e.Weight, e.Have)
	}
	return fmt.Sprintf("semaphore %q: its limit is %d, not %d", e.Name, e.Have, e.Want)
}

// Is says that the error is kv.ErrInvalid if more was asked for than there is.
func (e *LimitError) Is(target error) bool { return e.Weight > 0 && target == kv.ErrInvalid }
