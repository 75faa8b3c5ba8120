// Package session keeps one lease alive for everything that a process holds in a store: locks, leadership, seats.
//
// A [Session] is made once per process and shared by any number of goroutines and primitives. It grants its lease at
// first use and renews it in the background. What is held under it is told apart by a [Hold], which every handle of
// the primitives embeds.
//
// # Loss
//
// A lease can be lost: the store was out of reach for too long, the process was paused, or somebody revoked it. The
// session counts by its own clock, from before the last acknowledged renewal was sent, and declares the loss when no
// more than [Options].Margin is left, while the store still keeps everybody else away. So the holds end first
// (Done is closed, contexts are cancelled, Err is [ErrLost]) and work has the margin to stop in, before another can hold the
// same thing. A process that is paused past its lease cannot be told in time by anybody; it learns when it goes on,
// and the guarded resource must compare fencing tokens ([Hold.Token]) if a late write would do harm.
//
// Loss is final: a lease that was declared lost is not renewed again. It is left to run out, or released as soon as
// every hold under it was given back, and only when it is known to be gone does the next use get a new one. No object is
// dead for good because the store was away.
//
// # Events
//
// [Options].OnEvent hears of all that is asked for, waited for, held and lost under the session, and of its lease, for metrics and traces; package
// observe/otelcoord makes them. [Event] says what there is to hear.
package session
