// Package etcdtest runs a real etcd inside a test, and a [Proxy] that can come between it, or any other server, and its clients.
//
// [Start] takes about a tenth of a second and leaves nothing behind. Its time-outs are a tenth of etcd's defaults, so
// that the shortest lease is one second and no test waits for an election.
package etcdtest
