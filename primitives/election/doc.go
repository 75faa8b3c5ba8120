// Package election elects leaders: of those who stand for election under a name, one leads at a time.
//
// [Election.Run] is what most programs want: it stands for election for as long as its ctx lives, runs a function while it leads, waits for
// that function after a loss, and stands again. [Election.Campaign] is the same by hand. [Leader] and [Observe] tell who leads, and
// need no session.
//
// # What leadership promises, and what it cannot
//
// While the store keeps the leader's lease alive nobody else is elected. The leader knows by its own clock how long that is certain
// ([session.Hold.ValidFor]), and its term ends, for it, before another can begin. No election with leases can stop a process that
// was paused past that moment from doing one more thing when it goes on: where that would do harm, let the resource refuse tokens
// ([session.Hold.Token]) lower than the highest it has seen, as package fence does. Numbers are for people.
//
// # How it works
//
// Candidates stand in a line (package doc of primitives/internal/line). Who is first in it, when nobody leads, writes the term record by
// compare-and-swap, at the version that it had in the very look at the line that showed nobody in the way. That write is the election:
// whatever two candidates believed at the same moment, one of them succeeds. The record holds the number of the term, one more than the
// last, and the leader's key; the version of that write is the token. A leader leads while its key is there; a record whose key is
// gone is history.
//
// The order of the line may pass over whom it likes, for priority or because the leader chose the next (Transfer), since the token is not
// that of joining, as with locks. Those passed over keep their places.
//
// Nobody but the winner of a term writes its record, and a release deletes the leader's own key only, so no release can hit a
// stranger. A candidate that waits makes no calls, and an end wakes one.
package election
