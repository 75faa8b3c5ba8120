// Package bridge lets the primitives reach the inside of a session without showing it to users: what a lock needs of the
// session's lease would otherwise be public. Package session fills the bridge in; the waiting line walks over it.
package bridge

import (
	"context"
	"time"

	"github.com/coordkit/coord/kv"
)

// Inside returns the inner side of a *session.Session. Package session sets it once, before any session can exist.
var Inside func(session any) Session

// Session is the inner side of a session: where its leases come from.
type Session interface {
	// Storage is the store that the session works on.
	Storage() kv.Storage
	// Tenure returns the session's present tenure, granted now if there is none or if the last one was lost. It
	// returns kv.ErrInvalid for a session whose options are out of bounds, and kv.ErrClosed once it is closed.
	Tenure(ctx context.Context) (Tenure, error)

	// Asked tells that something is asked for, and returns the ctx to go on with.
	Asked(ctx context.Context, w What) context.Context
	// Joined tells that an attempt stands in the line, and Failed that it came to nothing; ahead and took are those of the events.
	Joined(ctx context.Context, w What, ahead int, took time.Duration)
	Failed(ctx context.Context, w What, ahead int, took time.Duration, err error)
}

// What says in events what is asked for and held: "mutex", "deploy".
type What struct {
	Primitive, Name string
	Shared          bool
	Weight          int64
}

// Tenure is the time under one lease: from its grant until it is declared lost, which is final, or given back.
type Tenure interface {
	// LeaseID is the lease's identity.
	LeaseID() kv.LeaseId
	// Context ends when the tenure does, with the cause session.ErrLost or session.ErrReleased.
	Context() context.Context
	// Lose declares the tenure lost, for somebody has learned that the store does not have the lease any more.
	Lose(reason string)
	// Hold registers something held under the tenure, or returns nil if the tenure is over. Nobody is told of it before Announce.
	Hold(spec HoldSpec) Hold
	// Go runs f in the background. Its ctx ends when the lease is known to be gone from the store, and with it
	// every record of the tenure; the session's Close waits for f.
	Go(f func(ctx context.Context))
	// Value returns what make made at the first call: a place for the state that a primitive keeps per lease.
	Value(make func() any) any
}

// HoldSpec describes a hold to be.
type HoldSpec struct {
	What  What
	Token kv.Version
	// Check asks the store whether the hold is still there: nil, or an error that wraps session.ErrLost if it is not.
	Check func(context.Context) error
}

// Hold is the inner side of a session.Hold.
type Hold interface {
	// Public returns the *session.Hold.
	Public() any
	// Announce tells that it is held, and, if it is over already, of its end. Like the methods below it calls the user's hook, so it must not
	// be called under a lock.
	Announce(ctx context.Context, ahead int, took time.Duration)
	// Lost ends the hold with session.ErrLost and the reason, unless it is over already.
	Lost(reason string)
	// Release ends the hold with session.ErrReleased, and returns nil; or, if it had been lost before, that error.
	// The tenure takes it as the word that whoever held has stopped.
	Release() error
	// Discard ends a hold that was not announced, and tells nobody.
	Discard()
}
