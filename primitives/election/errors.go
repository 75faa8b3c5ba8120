package election

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
)

var (
	// ErrLost: the leadership was lost before it was given back. It is session.ErrLost.
	ErrLost = session.ErrLost
	// ErrNoLeader: nobody leads.
	ErrNoLeader = errors.New("no leader")
	// ErrNoCandidate: nobody of that ID stands for election.
	ErrNoCandidate = errors.New("no such candidate")
	// ErrNotLeading: the leader to be removed does not lead under that token.
	ErrNotLeading = errors.New("not leading under that token")
)

// Error is a failed operation on an election.
type Error struct {
	// Op is "campaign", "proclaim", "resign", "transfer", "leader", "observe", "inspect", "list" or "break".
	Op string
	// Name is the election's name; empty for "list".
	Name string
	Err  error
}

// Error returns the operation, the name in quotes and the cause.
func (e *Error) Error() string {
	if e.Name == "" {
		return e.Op + " elections: " + e.Err.Error()
	}
	return e.Op + " " + strconv.Quote(e.Name) + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// RecordError says that the record of an election's term cannot be read. Nobody is elected over it, for it may be that of a leader: who
// mends or deletes it by hand decides that.
type RecordError struct {
	Key kv.Key
	Err error
}

// Error names the record and what is wrong with it.
func (e *RecordError) Error() string {
	return fmt.Sprintf("term record %q cannot be read: %v", e.Key, e.Err)
}

// Unwrap returns the cause.
func (e *RecordError) Unwrap() error { return e.Err }
