// Package registry tests what the registry promises: on memory in fake time, on memory with every capability hidden, and on a
// real etcd.
package registry
