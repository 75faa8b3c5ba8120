//go:build unix

package cli

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
)

// holds makes somebody hold a lock.
func (b *bench) holds(owner, lock, note string) *mutex.Held {
	b.t.Helper()
	h, err := mutex.New(b.owner(owner), lock, &mutex.Options{Note: note}).Lock(b.t.Context())
	require.NoError(b.t, err)
	return h
}

// queues makes somebody wait for a lock.
func (b *bench) queues(owner, lock string) {
	b.t.Helper()
	s := b.owner(owner)
	go func() {
		if h, err := mutex.New(s, lock, nil).Lock(b.t.Context()); err == nil {
			_ = h.Unlock(b.t.Context())
		}
	}()
	synctest.Wait()
}

// ids are the random parts of keys, and counts the ends of the memory store's versions and leases, which count its calls.
var (
	ids    = regexp.MustCompile(`\b[A-Z2-7]{26}\b`)
	counts = regexp.MustCompile(`\b(9466848000000000|d234ccf52430)[0-9a-f]{2,3}\b`)
)

// golden compares with text as it stands in a test: with the test's indentation, without the random parts of keys, and with any counts.
func golden(t *testing.T, want, got string) {
	t.Helper()
	want = strings.ReplaceAll(strings.TrimLeft(want, "\n"), "\t", "")
	mask := func(s string) string { return counts.ReplaceAllString(ids.ReplaceAllString(s, "ID"), "$1…") }
	require.Equal(t, mask(want), mask(got))
}

func TestLocksAreListedWithHolderAndQueue(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		require.Empty(t, b.ok("lock", "ls"))
		b.holds("web/1", "deploy", "nightly")
		b.holds("web/2", "a/b", "")
		time.Sleep(90 * time.Second)
		b.queues("web/3", "deploy")
		golden(t, `
			NAME    HOLDER  AGE    TTL  TOKEN               WAITERS
			a/b     web/2   1m30s  15s  946684800000000004  0
			deploy  web/1   1m30s  15s  946684800000000002  1
		`, b.ok("lock", "ls"))
		golden(t, `
			a/b     web/2  1m30s  15s  946684800000000004  0  d234ccf52430003  make  -        coord/lock/a%2Fb/w/ID
			deploy  web/1  1m30s  15s  946684800000000002  1  d234ccf52430001  make  nightly  coord/lock/deploy/w/ID
		`, b.ok("lock", "ls", "-o", "wide", "--no-headers"))
		golden(t, `
			PLACE   OWNER  PROGRAM  AGE    TTL  TOKEN               NOTE
			holder  web/1  make     1m30s  15s  946684800000000002  nightly
			1       web/3  make     0s     15s  946684800000000006  -
		`, b.ok("lock", "describe", "deploy"))
	})
}

func TestReadersOfALockAreShownTogether(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		var token string
		for _, owner := range []string{"web/1", "web/2"} {
			h, err := mutex.NewRW(b.owner(owner), "l", nil).RLock(t.Context())
			require.NoError(t, err)
			token = fmt.Sprint(h.Token())
		}
		golden(t, "l  web/1 +1  0s  15s  946684800000000002  0\n", b.ok("lock", "ls", "--no-headers"))
		golden(t, `
			holder (shared)  web/1  make  0s  15s  946684800000000002  -
			holder (shared)  web/2  make  0s  15s  946684800000000004  -
		`, b.ok("lock", "describe", "l", "--no-headers"))
		b.ok("lock", "break", "--yes", "--token", token, "l")
		golden(t, "l  web/1  2s  15s  946684800000000002  0\n", b.ok("lock", "ls", "--no-headers"))
	})
}

func TestUnreadableEntryIsShownAndCanBeBroken(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		_, err := b.st.Create(t.Context(), kv.Record{Key: "coord/lock/l/w/x", Value: kv.Value("?")})
		require.NoError(t, err)
		golden(t, "l  (unreadable)  -  -  946684800000000001  0\n", b.ok("lock", "ls", "--no-headers"))
		require.Contains(t, b.ok("lock", "describe", "l", "-o", "json"), `"since": null`)
		b.ok("lock", "break", "--yes", "l")
		require.Empty(t, b.ok("lock", "ls"))
	})
}

func TestFreeLockIsAnsweredWithOne(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		require.Equal(t, `coord: nobody holds lock "l"`, b.no(1, "lock", "describe", "l"))
		require.Equal(t, `coord: nobody holds lock "l"`, b.no(1, "lock", "break", "--yes", "l"))
		out, _, code := b.run("lock", "describe", "l", "-o", "jsonl")
		require.Equal(t, 1, code)
		require.Equal(t, `{"name":"l","holders":[],"queue":[]}`+"\n", out)
	})
}

func TestBreakStrikesOnlyTheTokenThatWasShown(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		h := b.holds("web/1", "l", "")
		b.queues("web/2", "l")
		token := fmt.Sprint(h.Token())
		require.Equal(t, `coord: lock "l" is held under token `+token+`, not 1`, b.no(1, "lock", "break", "--yes", "--token", "1", "l"))
		_, messages, code := b.run("lock", "break", "--yes", "l")
		require.Zero(t, code, messages)
		require.Contains(t, messages, `lock "l" is held by web/1 (make) under token `+token)
		require.Contains(t, messages, "1 waiting")
		synctest.Wait()
		require.ErrorIs(t, h.Err(), mutex.ErrLost)
		require.Empty(t, b.ok("lock", "ls"), "the next one had it, and gave it back")
	})
}

func TestBreakAsksAPersonAndNobodyElse(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.holds("web/1", "l", "")
		require.Contains(t, b.no(64, "lock", "break", "l"), "add --yes")
		b.terminal = true
		for _, answer := range []string{"", "\n", "n\n", "yesterday\n"} {
			b.in = answer
			_, messages, code := b.run("lock", "break", "l")
			require.Equal(t, 1, code, "%q: %s", answer, messages)
			require.Contains(t, messages, "take it away? [y/N]")
		}
		require.Equal(t, "l\n", b.ok("lock", "ls", "-o", "name"))
		b.in = "Yes\n"
		b.ok("lock", "break", "l")
		require.Empty(t, b.ok("lock", "ls", "-o", "name"))
	})
}

func TestLockWaitEndsWhenNobodyHoldsIt(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.ok("lock", "wait", "l")
		h := b.holds("web/1", "l", "")
		p := b.start("lock", "wait", "l")
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Empty(t, p.code)
		require.NoError(t, h.Unlock(t.Context()))
		synctest.Wait()
		require.Len(t, p.code, 1)
		require.Zero(t, <-p.code)
	})
}

func TestLockWaitIsBounded(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		b.holds("web/1", "l", "")
		for wait, took := range map[string]time.Duration{"0": 0, "1.5": 1500 * time.Millisecond, "1m": time.Minute} {
			start := time.Now()
			require.Contains(t, b.no(75, "lock", "wait", "-w", wait, "l"), `lock "l" is held by web/1 (make)`)
			require.Equal(t, took, time.Since(start), "-w %s", wait)
		}
	})
}

func TestLockWaitRidesOutAnOutage(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		h := b.holds("web/1", "l", "")
		st := b.st.(*memory.Storage).Connect()
		defer st.Close()
		b.st = st
		p := b.start("lock", "wait", "l")
		synctest.Wait()
		st.SetConnected(false)
		require.NoError(t, h.Unlock(t.Context()))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Empty(t, p.code)
		st.SetConnected(true)
		require.Zero(t, <-p.code)

		st.SetConnected(false)
		require.Contains(t, b.no(69, "lock", "wait", "l"), "unavailable", "it has never answered")
	})
}

// wobbly is a store that fails the reads of single keys, and then as many of ranges, as often as it was told to.
type wobbly struct {
	kv.Storage
	gets, ranges int
}

// Get implements kv.Storage.
func (w *wobbly) Get(ctx context.Context, key kv.Key) (kv.Record, error) {
	if w.gets > 0 {
		w.gets--
		return kv.Record{}, kv.ErrUnavailable
	}
	return w.Storage.Get(ctx, key)
}

// GetRange implements kv.Storage.
func (w *wobbly) GetRange(ctx context.Context, start, end kv.Key) (kv.Records, error) {
	if w.gets == 0 && w.ranges > 0 {
		w.ranges--
		return nil, kv.ErrUnavailable
	}
	return w.Storage.GetRange(ctx, start, end)
}

func TestLockWaitAsksAgainInAnOutage(t *testing.T) {
	onMemory(t, func(t *testing.T, b *bench) {
		h := b.holds("web/1", "l", "")
		b.st = &wobbly{Storage: b.st, gets: 1, ranges: 3}
		start := time.Now()
		p := b.start("lock", "wait", "l")
		time.Sleep(time.Minute)
		require.NoError(t, h.Unlock(t.Context()))
		require.Zero(t, <-p.code, p.messages.take())
		require.Equal(t, time.Minute, time.Since(start))
	})
}
