//go:build unix

package top

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
)

func TestChangesAreShownAtOnce(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.start(80, 24)
		require.Contains(t, s.shown(), "nothing is held, led or registered")
		unlock := s.holds(s.owner("a/1"), "l", "")
		s.pass(drawEvery)
		require.Contains(t, s.row("> l "), "a/1 (make)", "no second has passed")
		s.queues(s.owner("b/1"), "l", "", time.Hour)
		s.pass(drawEvery)
		require.Regexp(t, ` 1 +[▁█ ]+$`, s.row("a/1"))
		unlock()
		s.pass(drawEvery)
		require.Contains(t, s.row("> l "), "b/1 (make)")
	})
}

func TestWatchingCostsTheStoreNoReads(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		counted := count.New(s.seen)
		s.seen = counted
		o := s.owner("a/1")
		for i := range 20 {
			s.holds(o, fmt.Sprint("l", i), "")
		}
		s.start(80, 24)
		counted.Reset()
		s.pass(time.Minute)
		require.InDelta(t, 30, counted.Of("get"), 1, "how long an answer takes, every two seconds")
		require.Equal(t, counted.Of("get"), counted.Total())
	})
}

func TestAStoreThatCannotBeWatchedIsReadEverySecond(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		counted := count.New(struct{ kv.Storage }{s.seen})
		s.seen = counted
		s.start(80, 24)
		s.holds(s.owner("a/1"), "l", "")
		s.pass(readEvery + drawEvery)
		require.Contains(t, s.row("> l "), "a/1 (make)")
		counted.Reset()
		s.pass(time.Minute)
		require.InDelta(t, 60, counted.Of("get range"), 1)
	})
}

func TestABusyStoreIsDrawnTwentyTimesASecondAtMost(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.start(80, 24)
		drawn := 0
		s.screen.draw = func() { drawn++ }
		o := s.owner("a/1")
		for range 1000 {
			s.holds(o, "l", "")()
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		require.LessOrEqual(t, drawn, 21)
		require.Greater(t, drawn, 15)
	})
}

func TestAnOutageIsToldAndTheLastStateStays(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.holds(s.owner("a/1"), "l", "")
		s.start(120, 24)
		seen := s.seen.(interface{ SetConnected(bool) })
		seen.SetConnected(false)
		s.pass(10 * time.Second)
		require.Regexp(t, `NO ANSWER for \d+s, this is as of 00:00:0\d`, s.shown())
		require.Contains(t, s.row("> l "), "a/1 (make)")
		seen.SetConnected(true)
		s.pass(10 * time.Second)
		require.NotContains(t, s.shown(), "NO ANSWER")
		require.Contains(t, s.row("> l "), "a/1 (make)")
	})
}

func TestALeaseRunsDown(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		l, err := s.st.Lessor().NewLease(t.Context(), 20*time.Second, false)
		require.NoError(t, err)
		_, err = s.st.Create(t.Context(), kv.Record{Key: "coord/lock/l/w/1", Lease: l.Id(), Value: kv.Value(`{"format":1}`)})
		require.NoError(t, err)
		s.start(80, 24)
		require.Contains(t, s.row("> l "), "████ 19s")
		s.pass(8 * time.Second)
		require.Contains(t, s.row("> l "), "███░ 11s")
		s.pass(9 * time.Second)
		require.Regexp(t, "█░░░ [23]s", s.row("> l "))
	})
}

func TestKeysAndSignalsEndIt(t *testing.T) {
	for _, e := range []Event{{Key: 'q'}, {Key: ctrlC}, {Signal: unix.SIGTERM}, {Signal: unix.SIGINT}} {
		onStage(t, func(t *testing.T, s *stage) {
			s.start(80, 24)
			s.screen.events <- e
			require.Equal(t, e.Signal, <-s.ended)
			require.Equal(t, 1, s.screen.restored)
		})
	}
}

func TestStopAndContinue(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.start(80, 24)
		s.press(ctrlZ)
		require.Equal(t, 1, s.screen.suspended)
		s.screen.events <- Event{Signal: unix.SIGTSTP}
		s.screen.events <- Event{Continued: true}
		s.pass(drawEvery)
		require.Equal(t, 2, s.screen.suspended)
		require.Equal(t, 1, s.screen.resumed)
	})
}

func TestThePanicOfADrawingLeavesTheScreenRestored(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		c := newCanvas(80, 24)
		c.draw = func() { panic("oh") }
		require.PanicsWithValue(t, "oh", func() { _, _ = Run(t.Context(), s.seen, nil, c, Options{Lease: s.lease}) })
		require.Equal(t, 1, c.restored)
	})
}

func TestThePanicOfAGoroutineLeavesTheScreenRestored(t *testing.T) {
	c := newCanvas(80, 24)
	r := &runner{screen: c}
	require.PanicsWithValue(t, "oh", func() {
		defer r.panicking()
		panic("oh")
	})
	require.Equal(t, 1, c.restored)
}

func TestAWatchThatIsRefusedIsToldAndBegunAgain(t *testing.T) {
	v := newView()
	now := time.Date(2000, 1, 1, 0, 0, 9, 0, time.UTC)
	v.store.watched(nil, now)
	v.store.answered(time.Millisecond, nil, now)
	v.store.watched(errors.New("permission denied"), now.Add(time.Second))
	v.store.answered(time.Millisecond, nil, now.Add(2*time.Second))
	require.Equal(t, "NOT WATCHED, this is as of 00:00:09: permission denied", v.store.outage(now.Add(2*time.Second)))
	v.store.watched(nil, now.Add(3*time.Second))
	require.Empty(t, v.store.outage(now.Add(3*time.Second)))
}
