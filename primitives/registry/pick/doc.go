// Package pick chooses, from a snapshot of a service, the instance to send the next piece of work to.
//
// Each picker takes a [registry.Snapshot], as a view of the registry has it, and returns a [Pick]:
//
//	p, err := picker.Pick(view.Snapshot())
//	if err != nil {
//		return err // ErrNone: *NoneError says what there was instead
//	}
//	err = call(p.Instance)
//	p.Done(err)
//
// Pickers choose among the instances that are [registry.Serving] and pass the filters; [Options.FailOpen] says when others are.
// They are safe for concurrent use, have no goroutines, and need no Close.
//
// # Which one
//
//	RoundRobin          equal instances, and work of about equal cost. The evenest of all, as seen by one client.
//	Random              many clients with little work each. No state, no order that clients could fall into together.
//	WeightedRoundRobin  instances of different size, evenly spread. A pick looks at all of them.
//	WeightedRandom      instances of different size, however many. A pick takes the same time for 3 and 1000.
//	P2C                 work of unequal cost, instances that slow down or fail. Wants Done, and to be shared by all callers.
//	Rendezvous          the same key to the same instance: caches, sessions. A change of the set moves few keys.
//	ZoneFirst           around any of these: the own zone while it can carry the work, or else all.
//
// In doubt take P2C: it is the only one that notices an instance that says it serves and does not.
//
// # Cost
//
// While the snapshot is the same, a pick allocates nothing. A new snapshot costs each picker a pass over the set once, at the
// next pick. Between two snapshots pickers keep, by instance ID, what they have counted and measured.
//
// # What it does not promise
//
// A snapshot is a hint: what was picked may have gone. A caller that repeats failed work should pick again. Each picker knows
// only what goes through it, so that what is even for each client need not be so for all of them together.
package pick
