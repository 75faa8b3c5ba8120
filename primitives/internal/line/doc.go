// Package line is the waiting line that locks, and what is like them, stand on.
//
// # The recipe
//
// Who wants in creates a key of its own under the line's root, bound to the session's lease. Order is the order of creation,
// which the store's versions tell. My blockers are the entries created before mine: that set is fixed when I join, because
// whoever comes later has a greater version, and from then on it only shrinks. When it is empty the place is mine, and
// the version that my entry was created with is the fencing token. Who leaves deletes its own key and nothing else, so
// nobody can ever release somebody else's place; who dies loses the key with its lease.
//
// It is the recipe of etcd's and Curator's locks, with four differences. A key belongs to one attempt, not to a session, so
// goroutines of one session exclude each other. Who waits watches its own key as well as the one ahead. A place is granted on a
// read that shows my own entry and nobody before it: two watches are not ordered between each other, and granting on
// both without that read makes two holders. And a create whose answer was lost is repeated under the same key, so it can
// neither wait for itself nor lose its place.
//
// # Who is woken
//
// Each waiter waits for its nearest blocker only. A release wakes one; one that gives up in the middle wakes the one
// behind it, which looks again and waits for the next blocker ahead. While nothing changes nobody makes a call.
//
// # Names
//
// A range read on etcd walks every name that was deleted since the last compaction, so names are used again; see ids.go
// for when that is safe.
package line
