// Package memory is a store in the memory of one process: for tests, for examples, and for programs that need no other.
//
// It fulfils the contract of package kv to the letter, so that what works on it works on a store that several machines share,
// and it has all capabilities: [kv.Appender], [kv.PlaceReader] and [kv.RangeWatcher]. [Storage.Connect] gives further handles on the same
// data, each like a process of its own, and [Storage.SetConnected] cuts one off: with them, and in fake time (testing/synctest), the life of
// a distributed program can be played in one test.
//
// Leases are exact: any TTL is granted as asked, and what it binds goes at its very end. A lease that is kept alive is renewed
// continuously while its handle is connected and open. There is no margin for clock rates, for there is one clock.
//
// Nothing is stored on disk. Versions start at the wall clock's nanoseconds, so that they do not go back when a process starts
// again. There are no goroutines: one timer ends all leases.
package memory
