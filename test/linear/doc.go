// Package linear checks what concurrent clients were told, on both backends, against the contract: there must be one order of all
// operations, each at a moment between its call and its return, in which every answer is right and every version is greater than
// those before it. An operation whose outcome is unknown has its moment at any time after its call, or never.
//
// On etcd that is so on one member, on ways that lose requests and answers, and (on Linux) on three members that are killed, paused and
// cut off while clients work.
//
// A run prints its seed. It fixes what each client asks for, not how the clients interleave.
//
//	go test -race ./test/linear -linear.for=1m            each kind of history for so long
//	go test -race ./test/linear -linear.seed=42           the histories that begin with seed 42
package linear
