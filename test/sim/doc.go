// Package sim runs all primitives together, on one store in memory and in fake time, while everything goes wrong, and checks throughout
// what they promise. One seed is one run:
//
//	go test ./test/sim -seeds 1000           so many runs of each kind
//	go test ./test/sim -seed 17 -v           replay this one
//
// # How a run goes
//
// Clients have a way to the store each, with a session and a registry on it. Their workers do a random mix of everything; what they
// hold they use, at resources that compare tokens. All that crosses a way, be it a call, its answer, the answer of a wait or the event
// of a watch, is a message, and one goroutine, the driver, carries all of them: it lets everybody run until nobody can any more, takes
// what was sent meanwhile in an order that does not depend on who ran first, decides from the seed what becomes of each, moves the
// clock to the next thing due, does that one thing, and begins again. So no two calls meet at the store but in an order that the seed
// has chosen. The driver also cuts clients off, stops them, takes their leases away and breaks their watches.
//
// A client that is stopped sends and hears nothing, its keep-alives cease and its workers stand; only the timers of its primitives go on,
// for they share a process with all others. What a stopped process does when it goes on is made by workers that do not look whether they
// hold still before they write, and by writes that are long on their way.
//
// # What replays
//
// The seed fixes what the clients ask for, each message's fate and delay, every disturbance, random names and the jitter of retries
// (testing/cryptotest). It does not fix what Go itself leaves to chance: which of the goroutines of one moment runs first, the order
// of a map, and which of the ready cases a select takes. Between two steps of the driver these only decide in which order one
// process does what it does anyway, and with one processor that seldom changes anything: TestSeedReplaysItsRun makes runs twice and compares
// them message for message, and 36 of 40 and 98 of 100 were the same. Under the race detector, whose scheduler takes goroutines at
// random on purpose, it was 3 of 6.
package sim
