package session

import (
	"time"

	"github.com/coordkit/coord/kv"
)

// EventKind says what happened.
type EventKind string

// The kinds of events.
const (
	// LeaseGranted: the session has a new lease. Took is the time of the call.
	LeaseGranted EventKind = "lease granted"
	// LeaseLost: the lease was declared lost, and with it all that was held. Err is the ErrLost.
	LeaseLost EventKind = "lease lost"
	// Acquired: something is held from now on. Took is the time from the call that asked for it.
	Acquired EventKind = "acquired"
	// Released: a hold was given back. Took is how long it was held.
	Released EventKind = "released"
	// Lost: a hold was lost. Took is how long it was held, Err the ErrLost.
	Lost EventKind = "lost"
)

// Event is one happening in the life of a session or a hold, for metrics and traces.
type Event struct {
	Kind EventKind
	// Primitive and Name say what was held: "mutex", "deploy". Empty for events of the lease.
	Primitive, Name string
	// Token is the hold's fencing token.
	Token kv.Version
	// Took is a length of time; its kind says which.
	Took time.Duration
	// Err is why, for a loss.
	Err error
}
