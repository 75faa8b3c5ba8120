// Package fence is the checking half of fencing tokens, for the resource that a lock guards.
//
// A lock with a lease cannot stop a holder that was paused past its lease from writing once more when it goes on. The resource
// can: every write carries the token of the acquisition it is made under (Token of the lock's handle), tokens grow from holder to
// holder, and the resource refuses a token lower than the highest it has seen. Equal passes, for one holder writes many times,
// and so does any higher one, for that is the rightful next holder.
//
// [Gate] is the check for a resource in this process, such as a server in front of files or of a device. [Update] and [Read] are
// for a record in a kv.Storage, which remembers the token of its last writer itself. A database that can compare within a write
// needs neither: docs/fencing.md shows the statement, and what to do elsewhere.
//
// # What it promises, and what it does not
//
// No write under a lower token takes effect after one under a higher token, provided that check and write are one step at the
// resource. A check that is followed by a write is not enough: the writer can be paused between the two. [Gate.Do] and Update
// make one step of them.
//
// The resource learns of a new holder by its first write. Until then the old one may still write, so a holder that decides by
// what it reads must let the resource see its token first: [Gate.Admit], or an Update that changes nothing and hands out what
// it found.
//
// A token says whose turn it is, not whether a piece of work was done already: a holder that repeats a write, and the next
// holder that repeats the work, pass. Once per piece of work needs a number of the work beside the token (docs/fencing.md).
//
// Tokens are compared, so they must come from one store, and of one thing that excludes: a mutex, the write side of a
// reader-writer lock, an election's term. Those of a semaphore tell in which order permits were granted; several hold at
// the same time, and a gate would refuse all but the last. A token is no secret and proves nothing about who sends it.
package fence
