// Package boltkv keeps the contract of package kv in one file, with bbolt. It is there to be read: a whole backend, as small as the
// contract lets it be, with a word at each line that a promise forces. docs/backends.md walks through it.
//
//	storage.go   opening, closing, and what every call checks
//	tx.go        transactions: all or nothing, then tell who waits
//	records.go   Create, Get, GetRange, CasByVersion, Delete
//	wait.go      WaitForVersionChange: subscribe, read, wait
//	lessor.go    leases as their holders see them
//	expiry.go    leases as the file sees them: renewed, run out, read back
//
// It has no capabilities, so that the suite shows what it skips then. One process at a time can have the file open; within it,
// [Storage.Connect] gives more handles on the same store.
//
// It is not meant for production: all writes wait for one another, and each for the disk.
package boltkv
