// Package election tests what elections promise: on memory in fake time, on memory with every capability hidden, and on a real etcd.
package election
