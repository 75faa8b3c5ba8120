// Package registry lets the instances of a service be found: each is registered for as long as its process lives, and whoever wants
// to call the service has a view of those that are there.
//
// A [Registry] stands on a storage, without a session: every [Registration] has a lease of its own, so that each comes and goes by itself.
//
// # What a registration promises
//
// It stays. Whatever happens to its record, by an outage of the store that was longer than the TTL, by a store that has lost its
// data, or by somebody who deleted it, it comes back, with what the instance says of itself now and not what it said once, and it
// goes on trying for ever; [Registration.State] tells how it stands meanwhile. It goes when it is closed, with a farewell that
// every reader sees, or when its process dies, once its lease is over.
//
// # What a view promises
//
// A [View] shows every instance that joined, changed or left, as soon as the store tells: no change is missed for good, and no
// reader asks for it at intervals. It says how far it can be trusted. Before the store has answered, a snapshot is of Health Never,
// and that it is empty means nothing. When the store falls silent, the last set is served on, and called Stale after 25 seconds.
// When more than half of the instances vanish without a farewell, that is taken for a fault of the store or of the network rather
// than of them all: they are shown, marked as Held, for [Options.HoldFor] longer; an announced leave is never held back, and a
// service that is gone does become empty. A record that cannot be read is counted and shown in [Snapshot.Bad], and hides no other.
//
// What it does not promise: that an instance it shows is alive at this moment, or that another one is not. A view is for finding
// somebody to talk to. What must be done by one only stands under a lock or an election.
//
// # Cost
//
// A join is four calls: a lease, the record, and a read and a write of the service's epoch, by which readers on the pure contract learn
// of it. N joins at the same time are 4·N: an epoch that somebody else has written meanwhile need not be written again. A
// registration that nobody touches makes no call but the renewals of its lease, and a wait on its own record, which begins a second after
// its last write.
//
// All views of a service in a process share one watch if the store is a kv.RangeWatcher, and make no calls while nothing changes.
// On the pure contract they share a wait on the epoch and one on each instance, up to 128 instances; they ask for a sign of life
// every 10 seconds, and read the set again about every 5 minutes, or with more instances every third of the TTL.
//
// Packages under this one choose an instance (pick), and bring views to gRPC (grpcresolver), HTTP (httplb) and Prometheus (promsd).
package registry
