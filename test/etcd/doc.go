// Package etcd tests the etcd backend against real servers: the contract's suite, and what only etcd can do to it, such as
// compactions, lost streams, lost answers and partitions.
package etcd
