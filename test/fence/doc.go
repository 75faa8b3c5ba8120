// Package fence tests fenced records on a real etcd: with tokens of its locks, and with answers that are lost on the way.
package fence
