// Package line is the waiting line that locks, semaphores and elections stand on.
//
// # The recipe
//
// Who wants in creates a key of its own under the line's root, bound to the session's lease. Order is the order of creation,
// which the store's versions tell. Those before me are the entries created before mine: that set is fixed when I join, because
// whoever comes later has a greater version, and from then on it only shrinks. A [Rule] says which of them are in my way; when none is,
// the place is mine, and the version that my entry was created with is the fencing token. Who leaves deletes its own key and nothing
// else, so nobody can ever release somebody else's place; who dies loses the key with its lease.
//
// It is the recipe of etcd's and Curator's locks, with four differences. A key belongs to one attempt, not to a session, so
// goroutines of one session exclude each other. A place is granted only on a sight of the line that shows my own entry: one that
// was deleted meanwhile holds nothing. A create whose answer was lost is repeated under the same key, so it can neither wait for
// itself nor lose its place. And what is left of a create that lands late is deleted again.
//
// # How a sight is had
//
// A [Sight] is the line as it was at one moment of the store. There are two ways to it, and what they show is judged alike.
//
// A short line is looked at through a view, one watch for all attempts under a lease, where the store is a kv.RangeWatcher. Its
// events come in the store's order, so at every position it is a sight; one is of use to an attempt from the position of its own
// creation on. The event that removes the last one in the way grants the place, with no read.
//
// Otherwise an attempt waits for one key, that of the nearest in its way, and then reads the line, or, where the store is a
// kv.PlaceReader and the line has nothing but entries, its own entry and the nearest before it. Both waits and reads are needed: two waits
// are not ordered between each other, so that the end of the one ahead may be heard before one's own, which came first. Granting on both
// without that read makes two holders.
//
// # Who is woken
//
// A release wakes one, or those who may go together; one that gives up in the middle wakes the one behind it. While nothing changes nobody
// makes a call. Who looks on through a view hears of every change in the line, which is why it has to be short for that.
//
// # Names
//
// A range read on etcd walks every name that was deleted since the last compaction, so names are used again; see ids.go
// for when that is safe.
package line
