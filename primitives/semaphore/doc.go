// Package semaphore provides distributed semaphores: a name of which at most so much is in use at a time, first come first served.
//
// A [Semaphore] is a name in a session with a limit; any number of goroutines may use it. Each acquisition is a handle of its own,
// [Permit], for one or more units of the limit, with notice of loss, and a release that can hit nothing but itself.
//
// # What it promises, and what it cannot
//
// While the store keeps the holders' leases alive, no unit is given to two. A holder knows by its own clock for how long that is certain
// ([session.Hold.ValidFor]) and is told before it ends ([session.Hold.Done]). What a holder had comes back when it dies, at the
// latest when its lease is over.
//
// Tokens do not fence. They grow in the order in which permits are asked for and given, but several hold at once, so that a resource
// cannot tell by a token whether its holder has been replaced. A semaphore bounds load; where a late write would do harm, take a lock
// (package mutex).
//
// Who asked first is served first: a small request never goes past a large one that waits, so large ones do not starve, and some of the
// limit may lie idle while one does. Take what is needed in one Acquire: two that hold a part each and wait for the rest wait for each
// other.
//
// # The limit
//
// The first to come stores the limit that its Semaphore was made with, for all others and for good. Another limit than the stored one is
// a [*LimitError], so that two versions of a program do not silently disagree on how much there is. [Semaphore.SetLimit] changes it for
// everybody. With Options.Follow a Semaphore goes by the limit that is stored, whatever it is: so a limit is changed
// while programs run, without a restart and without a version of them that fails.
//
// A lower limit takes nothing away from who holds: nobody is let in until enough was given back. How much is in use is then judged by
// what the store still shows, see [Info].
//
// # Order and cost
//
// A semaphore is a line in the store, as a lock is. An Acquire of one that nobody uses costs one call where the store is a kv.Appender.
// Any other costs a second one, by which the limit is checked too: a read of the line, or a watch of it; that is kept for a while, and
// spares the session's next Acquire the second call. A Release costs one. The very first Acquire of a name, which stores the limit, costs
// three or four calls more.
//
// A release wakes who can go now, and the one that is first behind them, however many wait. That one waits for each who holds, for any
// of them may let it in; all others wait for the one before them. Who waits makes no calls while nothing changes.
package semaphore
