// Package etcd is a [kv.Storage] on etcd, version 3.5 or newer (tests run on 3.7): the backend for production, where what is held must outlive
// processes and machines. [Open] takes endpoints, [OpenEnv] the environment, [New] a client that exists already.
//
// It has the capabilities [kv.Appender], [kv.PlaceReader] and [kv.RangeWatcher].
//
// # What is different from memory
//
// Lease TTLs are whole seconds, rounded up, and no shorter than one and a half of the servers' election time-out: 2 s
// with etcd's defaults. [kv.Lease.TTL] tells what was granted, less a margin of one per cent and at least 50 ms for
// clocks that run at different rates. An expired lease is removed within about half a second, later when thousands expire at once.
// After the loss of its leader a cluster gives every lease its whole TTL again.
//
// A call is one request to the cluster; a read is linearizable. While there is no connection a call waits for one, up to
// [Options.DialTimeout], and then fails with [kv.ErrUnavailable], whether or not its ctx has a deadline. A request that was
// sent waits for its answer until ctx ends or the server gives up, which it does after about 7 s without a leader. A write is sent
// once at most; when its answer is lost the error is [kv.ErrUncertain].
//
// Calls go to the members in turn. One that is stopped, or cut off without a word, gets none from about two seconds later until it answers
// again, and what is under way there is broken off a second or two after that. [Open] sees to that by questions of its own: to a member that
// has left a call without an answer for half a second, and every three seconds to one that carries nothing but streams. A client given to
// [New] does the same if it was made with [DialOptions]. Without them that member's share of the calls is lost until its connection's own
// probes find the fault, if the client has any: after 13 seconds with those of Open. docs/backends.md has figures, and what to see to.
//
// A store out of space refuses every Create, CasByVersion and NewLease with [kv.ErrUnavailable], also those that would have found something
// in their way; the one that reaches the quota may be made all the same, and is [kv.ErrUncertain] then, as is any whose outcome a read does
// not tell. Get, Delete, waits, renewals and releases go on. All goes on again when the alarm was ended (etcdctl alarm disarm).
//
// The store must accept requests of 1.5 MiB, as it does by default (--max-request-bytes), for values of [kv.MaxValueLen].
//
// # Permissions
//
// With authentication on, give the user read and write permission on the whole range of keys it uses: Create and
// CasByVersion also read. A lease may be renewed, and a key bound to it, by those who may write all keys of the lease.
// What the store refuses is returned with etcd's own error as the cause and is not tried again.
package etcd
