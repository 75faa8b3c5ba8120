package mutex

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/coordkit/coord/primitives/internal/line"
	"github.com/coordkit/coord/primitives/session"
)

var (
	// ErrLost: the lock was lost before it was given back. It is session.ErrLost.
	ErrLost = session.ErrLost
	// ErrLocked: somebody else has the lock, or asked for it before. The error is a *LockedError.
	ErrLocked = errors.New("locked")
	// ErrDelayed: the last holder did not give the lock back, and its delay (see Options.Delay) is not over.
	ErrDelayed = errors.New("delayed after a loss")
	// ErrNotHeld: the lock to be broken is not held under that token.
	ErrNotHeld = errors.New("not held under that token")
)

// Error is a failed operation on a lock.
type Error struct {
	// Op is "lock", "unlock", "downgrade", "inspect", "list" or "break".
	Op string
	// Name is the lock's name; empty for "list".
	Name string
	Err  error
}

// Error returns the operation, the name in quotes and the cause.
func (e *Error) Error() string {
	if e.Name == "" {
		return e.Op + " locks: " + e.Err.Error()
	}
	return e.Op + " " + strconv.Quote(e.Name) + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// LockedError says who has the lock that was not to be had. It is ErrLocked, and the error that ended the wait, if one did.
type LockedError struct {
	// Name is the lock's name.
	Name string
	// Holder is who had it when the store was last asked; zero if only Ahead is known.
	Holder Entry
	// Ahead is how many were there before, the holder among them; at most so many if Holder is zero, for some may have gone without a word.
	Ahead int
	// Err is what ended the wait: ctx's error. It is nil for TryLock.
	Err error
}

func newLockedError(name string, o *line.OccupiedError) *LockedError {
	e := &LockedError{Name: name, Ahead: o.Ahead, Err: o.Err}
	if o.Head.Key != "" {
		e.Holder = newEntry(o.Head)
	}
	return e
}

// Error tells the holder, as far as it is known, and what ended the wait.
func (e *LockedError) Error() string {
	s := "lock " + strconv.Quote(e.Name) + ": "
	if e.Holder.Key != "" {
		s += "held by " + e.Holder.String()
	} else {
		s += fmt.Sprintf("%d ahead in the line", e.Ahead)
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Is says that the error is ErrLocked.
func (e *LockedError) Is(target error) bool { return target == ErrLocked }

// Unwrap returns what ended the wait.
func (e *LockedError) Unwrap() error { return e.Err }
