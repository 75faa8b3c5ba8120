// Package bubble runs tests in fake time, as testing/synctest does, and keeps the race detector from crashing on it.
//
// With -race, timers of one bubble that run on two processors at once share one context of the race detector, which then corrupts
// itself: the process ends with "ThreadSanitizer: CHECK failed" or a segmentation violation, seldom and anywhere. It takes a channel
// of a timer that is looked at in the moment it is due, while another timer of the same moment fires; so any test can meet it. The
// runtime of Go 1.26 has this fault (https://go.dev/issue/78156). With one processor no two timers run at once. The detector loses
// nothing by that: what it looks for is the missing order between two accesses, not their meeting.
//
// Once the oldest Go that go.mod allows has it right, this package can go, and its callers to synctest.Test.
package bubble

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
)

// Test is [synctest.Test]; under the race detector the whole process has one processor while it runs. It may run beside others.
func Test(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	if raceDetector {
		narrow.enter()
		defer narrow.leave() // also when f ends the test
	}
	synctest.Test(t, f)
}

var narrow passage

// passage counts the bubbles that run, and gives the processors back when the last of them has ended.
type passage struct {
	mu     sync.Mutex
	inside int
	before int // processors when the first one came
}

func (p *passage) enter() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inside == 0 {
		p.before = runtime.GOMAXPROCS(1)
	}
	p.inside++
}

func (p *passage) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inside--
	if p.inside == 0 {
		runtime.GOMAXPROCS(p.before)
	}
}
