// Package faults shows what coord promises on a real etcd whose members are killed, paused and cut off, with clients that are paused,
// killed and cut off as well. Each test is named for a goal, and each fault is proven to bite before anything is concluded from it. What they
// show is listed in docs/guarantees.md.
//
// It needs Linux. The short form, which runs by default, makes one of each kind of fault and asserts nothing about time, so it may run on a busy
// machine. The long form makes all of them, with leases of several lengths, and takes some minutes of a quiet machine for each round. The soak
// has a flag of its own:
//
//	go test -race ./test/faults
//	go test -race ./test/faults -long=1
//	go test -race ./test/faults -long=10 -timeout 1h
//	go test ./test/faults -run Soak -soak=10m -soak.report=report.md -timeout 30m
package faults
