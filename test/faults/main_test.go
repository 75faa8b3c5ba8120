//go:build linux

package faults

import (
	"flag"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/test/internal/cluster"
)

var long = flag.Int("long", 0, "how many rounds of all faults, with bounds on time; zero: one round of the faults that are soonest over")

// brief reports whether the short form runs: one of each thing, on a machine that may be busy, so that nothing is asserted about time.
func brief() bool { return *long == 0 }

// atLength skips what only the long form runs.
func atLength(t *testing.T) {
	t.Helper()
	if brief() {
		t.Skip("asked for with -long=1")
	}
}

// rounds is how often everything is done.
func rounds() int { return max(1, *long) }

// inTime requires, in the long form, that something took no longer than it may on a quiet machine.
func inTime(t *testing.T, took, atMost time.Duration, what string, args ...any) {
	t.Helper()
	if !brief() {
		require.LessOrEqual(t, took, atMost, append([]any{what}, args...)...)
	}
}

// abreast is how many tests run at the same time: what they do is to wait, mostly.
const abreast = "3"

func TestMain(m *testing.M) {
	run := func() int {
		if err := flag.Set("test.parallel", abreast); err != nil {
			panic(err)
		}
		return m.Run()
	}
	os.Exit(cluster.Main(run, map[string]cluster.Role{"worker": work, "registrar": registrar}))
}

// soon is how long a test waits for what takes seconds on an idle machine.
const soon = 60 * time.Second
