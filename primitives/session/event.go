package session

import (
	"context"
	"time"

	"github.com/coordkit/coord/kv"
)

// EventKind says what happened.
type EventKind string

// The kinds of events. Those of the lease say nothing of who holds what; those of what is held come for each Lock, RLock, Acquire and
// Campaign in this order: Asked, at most once Joined, and then either Failed, or Acquired and later Released or Lost.
const (
	// LeaseGranted: the session has a new lease. Took is the time of the call.
	LeaseGranted EventKind = "lease granted"
	// LeaseLate: half of the lease's time has gone without a renewal; backends renew after a third. Took is the time since the last
	// acknowledged one was sent. It is told once, until the lease is renewed or lost.
	LeaseLate EventKind = "lease late"
	// LeaseRenewed: a lease that was late was renewed. Took is the time from one acknowledged renewal to the next. Renewals in time are
	// not told.
	LeaseRenewed EventKind = "lease renewed"
	// LeaseLost: the lease was declared lost, and with it all that was held. Err is the ErrLost.
	LeaseLost EventKind = "lease lost"

	// Asked: something is to be held. It is what Options.OnAsk is given; OnEvent does not hear of it.
	Asked EventKind = "asked"
	// Joined: the attempt stands in the line. Ahead is how many were there before, those who hold it included; Took is the time since
	// it was asked. One that only tries and finds somebody there need not have joined.
	Joined EventKind = "joined"
	// Acquired: something is held from now on. Took is the time since it was asked, Ahead as it was when it joined: not zero means that
	// it was handed over by somebody before. A lock with mutex.Options.Delay is held from before that delay.
	Acquired EventKind = "acquired"
	// Failed: what was asked is not held, and not waited for any more. Err is what the caller gets, Took the time since it was asked, Ahead
	// how many were before it as far as is known.
	Failed EventKind = "failed"
	// Released: a hold was given back. Took is how long it was held.
	Released EventKind = "released"
	// Lost: a hold was lost. Took is how long it was held, Err the ErrLost.
	Lost EventKind = "lost"

	// Registered: the store has an instance of package registry. Took is the time since Register, or since the instance was lost.
	Registered EventKind = "registered"
	// RegistrationLost: the store has it no more, or may not; all is done to get it back. Took is how long it was registered, Err why.
	RegistrationLost EventKind = "registration lost"
	// RegistrationClosed: it is over, after a farewell or before it was ever registered. Took is the time since the event before, or since
	// Register; Err why it has never been registered, or why the farewell has failed.
	RegistrationClosed EventKind = "registration closed"
	// ViewLive: a view of a service, which all views of it in a registry share, has heard of the store, for the first time or again. Took is how long it had not.
	ViewLive EventKind = "view live"
	// ViewStale: a view that was live has not heard of the store for 25 seconds, and serves what it knew. Took is the time since it did, Err
	// why the store does not answer.
	ViewStale EventKind = "view stale"
	// ViewClosed: a view is kept no more, as nobody uses it.
	ViewClosed EventKind = "view closed"
)

// Event is one happening in the life of a session, of a hold or of a registration, for metrics and traces. Fields that its kind does not
// speak of are zero.
type Event struct {
	Kind EventKind
	// Context is that of the call that asked, as Options.OnAsk returned it, for Joined, Acquired and Failed. It is for its values, such
	// as a span, and must not be kept.
	Context context.Context
	// Primitive and Name say what is held or registered: "mutex", "semaphore", "election" or "registry", and the name of the lock,
	// semaphore, election or service. Empty for events of the lease.
	Primitive, Name string
	// ID is the instance's, in events of a registration.
	ID string
	// Before is the kind that was told last of the same registration or view; empty at first. So a gauge can be kept without a memory.
	Before EventKind
	// Shared says that it is held for reading, as far as it was asked for so. Weight is how many units of a semaphore it is.
	Shared bool
	Weight int64
	// Token is the hold's fencing token.
	Token kv.Version
	// Ahead is how many stood in the line before. For a reader of a lock it counts writers only.
	Ahead int
	// Took is a length of time; its kind says which.
	Took time.Duration
	// Err is why, for a failure or a loss.
	Err error
}
