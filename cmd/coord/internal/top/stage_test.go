//go:build unix

package top

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

var update = flag.Bool("update", false, "write the files in testdata anew")

func TestMain(m *testing.M) {
	time.Local = time.UTC // the screen has a clock
	goleak.VerifyTestMain(m)
}

// canvas is a Screen for tests.
type canvas struct {
	events chan Event

	mu                           sync.Mutex
	columns, rows                int
	lines                        []string
	restored, resumed, suspended int
	draw                         func()
}

func newCanvas(columns, rows int) *canvas {
	return &canvas{columns: columns, rows: rows, events: make(chan Event)}
}

func (c *canvas) Size() (columns, rows int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.columns, c.rows
}

func (c *canvas) Events() <-chan Event { return c.events }

func (c *canvas) Draw(lines []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lines = lines
	if c.draw != nil {
		c.draw()
	}
	return nil
}

func (c *canvas) count(n *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*n++
}

func (c *canvas) Restore()           { c.count(&c.restored) }
func (c *canvas) Resume() error      { c.count(&c.resumed); return nil }
func (c *canvas) Suspend(bool) error { c.count(&c.suspended); return nil }

// stage is a store, those who use it, and a view of it under way, in fake time.
type stage struct {
	t      *testing.T
	st     *memory.Storage // as those who use it are connected
	seen   kv.Storage      // as the view is
	screen *canvas
	stop   context.CancelFunc
	ended  chan unix.Signal
}

// onStage runs a test in a bubble.
func onStage(t *testing.T, f func(t *testing.T, s *stage)) {
	t.Helper()
	bubble.Test(t, func(t *testing.T) {
		st := memory.New(nil)
		defer st.Close()
		seen := st.Connect()
		defer seen.Close()
		f(t, &stage{t: t, st: st, seen: seen})
	})
}

// start begins to show what is on the store.
func (s *stage) start(columns, rows int) {
	s.t.Helper()
	s.screen, s.ended = newCanvas(columns, rows), make(chan unix.Signal, 1)
	ctx, stop := context.WithCancel(s.t.Context())
	s.stop = stop
	start, end := Range()
	records, err := s.st.GetRange(ctx, start, end)
	require.NoError(s.t, err)
	go func() {
		sig, err := Run(ctx, s.seen, records, s.screen, Options{Name: "here:2379", Lease: s.lease})
		if err != nil {
			s.t.Error(err)
		}
		s.ended <- sig
	}()
	s.t.Cleanup(stop)
	s.pass(100 * time.Millisecond)
}

func (s *stage) lease(_ context.Context, id kv.LeaseId) (left, granted time.Duration, err error) {
	l, err := s.st.Lessor().GetLease(id)
	if err != nil {
		return 0, 0, err
	}
	return l.TTL(), 0, nil
}

// pass lets time pass.
func (s *stage) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// press presses keys, and waits until what they do is drawn.
func (s *stage) press(keys ...rune) {
	for _, k := range keys {
		s.screen.events <- Event{Key: k}
	}
	s.pass(2 * drawEvery)
}

// shown is the screen.
func (s *stage) shown() string {
	s.screen.mu.Lock()
	defer s.screen.mu.Unlock()
	return strings.Join(s.screen.lines, "\n")
}

// row is the first line of the screen with this in it, without styles.
func (s *stage) row(with string) string {
	for l := range strings.Lines(bare(s.shown())) {
		if strings.Contains(l, with) {
			return strings.TrimRight(l, "\n ")
		}
	}
	return ""
}

// bare is text without styles.
func bare(s string) string {
	for _, codes := range sgr {
		for _, code := range codes {
			s = strings.ReplaceAll(s, "\x1b["+code+"m", "")
		}
	}
	return s
}

// owner is a process that uses the store.
func (s *stage) owner(name string) *session.Session {
	o := session.New(s.st, &session.Options{Owner: session.Owner{Name: name, Host: "host", PID: 7, Program: "make"}})
	s.t.Cleanup(func() { _ = o.Close(context.Background()) })
	return o
}

// holds takes a lock, and returns what gives it back.
func (s *stage) holds(o *session.Session, name, note string) (unlock func()) {
	s.t.Helper()
	h, err := mutex.New(o, name, &mutex.Options{Note: note}).TryLock(s.t.Context())
	require.NoError(s.t, err)
	return func() { require.NoError(s.t, h.Unlock(context.Background())) }
}

// queues waits for a lock and, once it has it, holds it for as long as told.
func (s *stage) queues(o *session.Session, name, note string, hold time.Duration) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		h, err := mutex.New(o, name, &mutex.Options{Note: note}).Lock(ctx)
		if err != nil {
			return
		}
		pause(ctx, hold)
		_ = h.Unlock(context.Background())
	})
	s.t.Cleanup(func() { cancel(); wg.Wait() })
	synctest.Wait()
}

// golden compares text with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	var lines []string
	for l := range strings.Lines(bare(got)) {
		lines = append(lines, strings.TrimRight(l, " \n"))
	}
	got = strings.Join(lines, "\n") + "\n"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "go test -update writes %s anew", path)
}
