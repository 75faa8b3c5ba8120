package kvtest_test

import (
	"testing"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
)

// open is how a backend of yours makes an empty store for a test, and reopen gives a second handle on it.
func open(t testing.TB) kv.Storage                  { return nil }
func reopen(t testing.TB, st kv.Storage) kv.Storage { return nil }

// The conformance test of a backend. It has no output here, for it is a test.
func ExampleRun() {
	TestConformance := func(t *testing.T) {
		kvtest.Run(t, kvtest.Backend{New: open, Second: reopen, MinTTL: time.Second})
	}
	_ = TestConformance
}
