//go:build unix

package cli

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// screen is what was written, for tests that look while others write.
type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// take returns what was written since the last time.
func (s *screen) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.b.Reset()
	return s.b.String()
}

// newStore is closed after all that is made of it.
func newStore(t *testing.T) *memory.Storage {
	st := memory.New(nil)
	t.Cleanup(func() { _ = st.Close() })
	return st
}

// party is one who takes part in a line, as another process does.
type party struct {
	t *testing.T
	*session.Session
	st kv.Storage
}

func join(t *testing.T, st kv.Storage, program string) *party {
	t.Helper()
	s := session.New(st, &session.Options{Owner: session.Owner{Name: "host/" + program, Program: program}})
	t.Cleanup(func() { require.NoError(t, s.Close(t.Context())) })
	return &party{t, s, st}
}

// holds takes the lock, and returns what gives it back.
func (p *party) holds(name, note string) (unlock func()) {
	p.t.Helper()
	h, err := mutex.New(p.Session, name, &mutex.Options{Note: note}).TryLock(p.t.Context())
	require.NoError(p.t, err)
	return func() { require.NoError(p.t, h.Unlock(p.t.Context())) }
}

// queues stands in the line until the test ends or it leaves; then it goes, and keeps nothing.
func (p *party) queues(name string) (leave func()) {
	ctx, cancel := context.WithCancel(p.t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if h, err := mutex.New(p.Session, name, nil).Lock(ctx); err == nil {
			<-ctx.Done()
			_ = h.Unlock(ctx)
		}
	})
	leave = func() { cancel(); wg.Wait() }
	p.t.Cleanup(leave)
	synctest.Wait()
	return leave
}

// waitFor shows the wait of one who stands in the line already.
func waitFor(p *party, c claim, out *screen, live func() bool) (stop func()) {
	j := &job{app: &app{IO: IO{Err: out, Live: live}}, claim: c}
	return j.showWait(p.t.Context(), p.st, p.Session)
}

func TestOffATerminalAWaitIsALineAtTheStartAndAfterChanges(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st := newStore(t)
		unlock := join(t, st, "first").holds("a/b", "nightly")
		leave := join(t, st, "second").queues("a/b")
		me := join(t, st, "me")
		defer me.queues("a/b")()
		var out screen
		defer waitFor(me, &lockClaim{name: "a/b"}, &out, nil)()

		time.Sleep(noticeAfter - time.Millisecond)
		require.Empty(t, out.take(), "a short wait is not worth a word")
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, `coord: waiting for lock "a/b": place 2 in the queue, held by host/first (first) for 0s, "nightly"`+"\n", out.take())
		leave()
		synctest.Wait()
		require.Equal(t, `coord: waiting for lock "a/b": place 1 in the queue, held by host/first (first) for 1m0s, "nightly"`+"\n", out.take())
		unlock()
		synctest.Wait()
		require.Empty(t, out.take(), "it is about to be had")
	})
}

func TestOffATerminalChangesAreToldNowAndThen(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st := newStore(t)
		defer join(t, st, "first").holds("l", "")()
		var leave []func()
		for i := range 20 {
			leave = append(leave, join(t, st, fmt.Sprint(i)).queues("l"))
		}
		me := join(t, st, "me")
		defer me.queues("l")()
		var out screen
		defer waitFor(me, &lockClaim{name: "l"}, &out, nil)()
		time.Sleep(noticeAfter + time.Second)
		for _, leave := range leave {
			leave()
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		lines := strings.Split(strings.TrimSpace(out.take()), "\n")
		require.Len(t, lines, 2, "the start, and what became of twenty changes in two seconds")
		require.Contains(t, lines[0], "place 21")
		require.Contains(t, lines[1], "place 1 ")
	})
}

func TestOnATerminalAWaitIsOneLineThatIsRedrawn(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st := newStore(t)
		defer join(t, st, "evil\x1b[31m\n").holds("l", "note\x1b[31m\n")()
		leave := join(t, st, "second").queues("l")
		me := join(t, st, "me")
		defer me.queues("l")()
		var out screen
		stop := waitFor(me, &lockClaim{name: "l"}, &out, func() bool { return true })

		line := func(s string) string { return "\r\x1b[?7lcoord: waiting for lock \"l\": " + s + "\x1b[K\x1b[?7h" }
		time.Sleep(noticeAfter + time.Millisecond)
		synctest.Wait()
		require.Equal(t, line(`place 2 in the queue, held by host/evil\x1b[31m\n (evil\x1b[31m\n) for 0s, "note\x1b[31m\n"`), out.take())
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, line(`place 2 in the queue, held by host/evil\x1b[31m\n (evil\x1b[31m\n) for 1s, "note\x1b[31m\n"`), out.take())
		leave()
		synctest.Wait()
		require.Contains(t, out.take(), "place 1 in the queue", "at once")
		stop()
		require.Equal(t, "\r\x1b[K", out.take(), "nothing is left of it")
	})
}

func TestInTheBackgroundATerminalIsNotDrawnOn(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st := newStore(t)
		defer join(t, st, "first").holds("l", "")()
		me := join(t, st, "me")
		defer me.queues("l")()
		var out screen
		stop := waitFor(me, &lockClaim{name: "l"}, &out, func() bool { return false })
		time.Sleep(time.Minute)
		stop()
		text := out.take()
		require.NotContains(t, text, "\x1b")
		require.Equal(t, 1, strings.Count(text, "\n"))
	})
}

func TestWhoGotItWhileWeWaitHasItSinceThen(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st := newStore(t)
		unlock := join(t, st, "first").holds("l", "")
		join(t, st, "second").queues("l")
		me := join(t, st, "me")
		defer me.queues("l")()
		var out screen
		defer waitFor(me, &lockClaim{name: "l"}, &out, nil)()
		time.Sleep(time.Hour)
		unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Contains(t, out.take(), `place 1 in the queue, held by host/second (second) for 0s`+"\n", "its entry is an hour old")
	})
}

func TestShownWaitReadsNothingFromTheStore(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st := newStore(t)
		defer join(t, st, "first").holds("l", "")()
		me := join(t, st, "me")
		defer me.queues("l")()
		counted := count.New(st)
		var out screen
		defer waitFor(&party{t, me.Session, counted}, &lockClaim{name: "l"}, &out, func() bool { return true })()
		time.Sleep(noticeAfter + time.Millisecond)
		synctest.Wait()
		before := counted.Total()
		for range 3 {
			leave := join(t, st, "other").queues("l")
			time.Sleep(time.Minute)
			leave()
		}
		require.Equal(t, before, counted.Total())
		require.NotEmpty(t, out.take())
	})
}

func TestStoreOfTheCommandShowsItsCapabilities(t *testing.T) {
	st := newStore(t)
	_, ok := kv.As[kv.Appender](&store{Storage: st})
	require.True(t, ok, "a lock would cost a read more")
	_, ok = kv.As[kv.RangeWatcher](&store{Storage: st})
	require.True(t, ok)
}
