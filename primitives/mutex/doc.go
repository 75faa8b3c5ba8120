// Package mutex provides distributed locks: at most one holder of a name at a time, first come first served.
//
// A [Mutex] is a name in a session; it has no state of its own, and any number of goroutines may use it. Each acquisition is a
// handle of its own, [Held], with a fencing token, notice of loss, and a release that can hit nothing but itself. Locks are not
// reentrant: a goroutine that locks a name twice waits for itself.
//
// # What a lock promises, and what it cannot
//
// While the store keeps the holder's lease alive, nobody else gets the lock. The holder knows by its own clock for how long that is
// certain ([session.Hold.ValidFor]) and is told before it ends ([session.Hold.Done]). No lock with a lease can stop a process that
// was paused past that moment from doing one more thing when it goes on: where that would do harm, the guarded resource
// must refuse tokens lower than the highest it has seen ([session.Hold.Token]).
//
// # Order and cost
//
// A lock is a line in the store (package doc of primitives/internal/line tells how it works). Free, it costs one write to lock and one
// to unlock, where the store is a kv.Appender, else a read more. A release wakes the next in line and nobody else, and who waits
// makes no calls while nothing changes.
//
// A mutex and the write side of a reader-writer lock of the same name are the same lock.
package mutex
