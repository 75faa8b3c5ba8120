// Package bubble tests that the race detector survives fake time.
package bubble

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/internal/bubble"
)

// With synctest.Test in its place this crashed the process under the race detector, 3 times in 3, within 4 seconds.
func TestTimersThatAreDueAtOnceDoNotCrashTheRaceDetector(t *testing.T) {
	for range 50 {
		bubble.Test(t, func(t *testing.T) {
			var wg sync.WaitGroup
			for range 16 {
				wg.Go(func() {
					for range 200 {
						due := time.NewTimer(0)
						select {
						case <-due.C:
						default:
						}
						time.Sleep(time.Millisecond)
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestProcessorsAreGivenBack(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	t.Run("two bubbles at once", func(t *testing.T) {
		for _, name := range []string{"a", "b"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				bubble.Test(t, func(*testing.T) { time.Sleep(time.Second) })
			})
		}
	})
	t.Run("one that skips", func(t *testing.T) {
		bubble.Test(t, func(t *testing.T) { t.SkipNow() })
	})
	require.Equal(t, before, runtime.GOMAXPROCS(0))
}
