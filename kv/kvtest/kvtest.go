// Package kvtest tests a storage against the contract of package kv: one subtest for each promise, named for it.
//
// A backend is right when Run passes:
//
//	func TestConformance(t *testing.T) {
//		kvtest.Run(t, kvtest.Backend{New: open, Second: reconnect, MinTTL: time.Second})
//	}
//
// On a backend within the process the suite runs in fake time, at once; on a real server it waits for real leases, many at a time. What a
// backend need not have, such as a capability, is skipped where it is absent, so that the output shows it.
//
// What the promises say one at a time [Differential] asks of random sequences: it compares each answer with a plain model's.
// [Benchmark] measures what Run tests.
//
// A decorator is tested with the suite of what it wraps, see [Backend.Wrap]. [Hide] gives the pure contract of any storage, for tests of
// what stands on it.
package kvtest

import (
	"sync"
	"testing"
	"time"

	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
)

// Backend is what the suite needs of a backend.
type Backend struct {
	// New opens a handle on a store of the suite's, and closes it at the test's end. Its type has a Close() error, which is part of the
	// contract though not of kv.Storage; for one that has none, what needs it is skipped. The store may be one for all tests: each
	// uses keys of its own, that begin with the test's name.
	New func(t testing.TB) kv.Storage
	// Second opens another handle on the store of st, as another process has, and closes it at the test's end.
	Second func(t testing.TB, st kv.Storage) kv.Storage
	// FakeTime says that the backend waits for nothing outside the process, so that the suite can run in the fake time of
	// testing/synctest. Files are no hindrance: time stands still while one is read or written. Connections are. New is then called
	// inside a bubble, and what it starts must have ended when the test has.
	FakeTime bool
	// MinTTL is the shortest lease that the backend grants; zero is one second. Shorter ones it must round up.
	MinTTL time.Duration
	// Margin is how much less than the lease's time TTL may tell, right after the grant, for clock rates and a slow machine.
	Margin time.Duration
	// Late is how long after a lease's end its records may still be there.
	Late time.Duration
	// MaxKeyLen is the length of the longest key in bytes; zero is kv.MaxKeyLen. That of a namespace is shorter by its prefix.
	MaxKeyLen int
	// Travel is how long a call may be under way to the store in fake time. A wait stands when that has passed.
	Travel time.Duration
}

// promise is one of the contract's, and what shows that it is kept.
type promise struct {
	name string
	test func(f *fixture)
}

var groups = []struct {
	name     string
	promises []promise
}{
	{"create", createPromises},
	{"cas", casPromises},
	{"delete", deletePromises},
	{"versions", versionPromises},
	{"values", valuePromises},
	{"bounds", boundsPromises},
	{"range", rangePromises},
	{"wait", waitPromises},
	{"wait for a lease's end", waitLeasePromises},
	{"lease", leasePromises},
	{"records of a lease", boundPromises},
	{"get lease", getLeasePromises},
	{"errors", errorPromises},
	{"close", closePromises},
	{"concurrency", concurrencyPromises},
	{"append", appendPromises},
	{"read place", placePromises},
	{"watch range", watchPromises},
	{"watch range in time", watchTimePromises},
}

// parallel is how many tests run at the same time in real time. It is not left to -parallel, which goes by the processors: here
// most of the time is spent in waiting for leases to run out.
const parallel = 24

// Run tests the backend.
func Run(t *testing.T, b Backend) {
	if b.MinTTL == 0 {
		b.MinTTL = time.Second
	}
	if b.MaxKeyLen == 0 {
		b.MaxKeyLen = kv.MaxKeyLen
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			if b.FakeTime {
				runInBubbles(t, b, g.promises)
			} else {
				runTogether(t, b, g.promises)
			}
		})
	}
}

func runInBubbles(t *testing.T, b Backend, promises []promise) {
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			skipped := false
			bubble.Test(t, func(t *testing.T) {
				defer func() { skipped = t.Skipped() }()
				p.test(newFixture(t, b))
			})
			if skipped { // which the bubble does not tell to the test around it
				t.SkipNow()
			}
		})
	}
}

func runTogether(t *testing.T, b Backend, promises []promise) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, parallel)
	for _, p := range promises {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			t.Run(p.name, func(t *testing.T) { p.test(newFixture(t, b)) })
		})
	}
	wg.Wait()
}
