//go:build unix

package top

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/cmd/coord/internal/display"
	"github.com/coordkit/coord/kv"
	elections "github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/registry"
	semaphores "github.com/coordkit/coord/primitives/semaphore"
)

// company fills the store with a few of each kind.
func (s *stage) company() {
	ctx := s.t.Context()
	web, ci := s.owner("web-1/312"), s.owner("ci/7")
	s.holds(web, "deploy", "nightly 鎖 build")
	s.holds(ci, "鎖/müller", "evil \x1b[31mred\n")
	for i := range 3 {
		s.queues(s.owner(fmt.Sprintf("job-%d/1", i)), "deploy", fmt.Sprintf("job %d", i), time.Hour)
	}
	for _, o := range []string{"reader-1/5", "reader-2/6"} {
		_, err := mutex.NewRW(s.owner(o), "reports", nil).RLock(ctx)
		require.NoError(s.t, err)
	}
	_, err := semaphores.New(web, "import", 3, &semaphores.Options{Note: "half"}).Acquire(ctx, 2)
	require.NoError(s.t, err)
	_, err = elections.New(ci, "scheduler", &elections.Options{ID: "node-1", Value: []byte("http://node-1")}).Campaign(ctx)
	require.NoError(s.t, err)
	go func() { _, _ = elections.New(web, "scheduler", &elections.Options{ID: "node-2"}).Campaign(ctx) }()
	r := registry.New(s.st, nil)
	s.t.Cleanup(func() { _ = r.Close(context.Background()) })
	for i, status := range []registry.Status{registry.Serving, registry.Draining} {
		_, err := r.Register(ctx, registry.Instance{
			Service: "api", ID: fmt.Sprint("api-", i), Status: status, Endpoints: []registry.Endpoint{{Name: "grpc", Address: fmt.Sprintf("10.0.0.%d:80", i)}},
		})
		require.NoError(s.t, err)
	}
	synctest.Wait()
}

func TestTheScreenAt80And200Columns(t *testing.T) {
	for _, columns := range []int{80, 200} {
		t.Run(fmt.Sprint(columns), func(t *testing.T) {
			onStage(t, func(t *testing.T, s *stage) {
				s.company()
				s.pass(10 * time.Second)
				s.start(columns, 40)
				s.press(keyDown)
				s.pass(20 * time.Second)
				golden(t, fmt.Sprintf("all-%d.txt", columns), s.shown())
			})
		})
	}
}

func TestASnapshotIsPlainText(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.company()
		s.pass(3 * time.Second)
		start, end := Range()
		records, err := s.st.GetRange(t.Context(), start, end)
		require.NoError(t, err)
		golden(t, "once.txt", Snapshot(t.Context(), records, Options{Lease: s.lease}))
		for l := range strings.Lines(Snapshot(t.Context(), records, Options{Lease: s.lease, Columns: 40})) {
			require.LessOrEqual(t, display.Width(strings.TrimSuffix(l, "\n")), 40, "on a dumb terminal: %q", l)
		}
	})
}

func TestNoScreenIsTooSmall(t *testing.T) {
	onStage(t, func(t *testing.T, s *stage) {
		s.company()
		s.start(80, 24)
		for columns := 1; columns <= 130; columns += 3 {
			for rows := 1; rows <= 30; rows += 4 {
				s.screen.mu.Lock()
				s.screen.columns, s.screen.rows = columns, rows
				s.screen.mu.Unlock()
				s.screen.events <- Event{Resized: true}
				s.pass(2 * drawEvery)
				lines := strings.Split(bare(s.shown()), "\n")
				require.Len(t, lines, rows)
				for _, l := range lines {
					require.LessOrEqual(t, display.Width(l), columns, "%d × %d: %q", columns, rows, l)
				}
			}
		}
	})
}

// styled is what may stand in a line: what prints, and styles.
var styled = regexp.MustCompile(`^(\x1b\[[0-9;]*m|[^\x00-\x1f\x7f-\x9f\x{202e}])*$`)

func TestWhatOthersHaveWrittenCannotActOnTheTerminal(t *testing.T) {
	const evil = "x\x1b]0;pwned\x07\x1b[2J\r\n\u202e\u009b31m"
	onStage(t, func(t *testing.T, s *stage) {
		ctx := t.Context()
		o := s.owner(evil)
		s.holds(o, "lock\u202e", evil)
		s.queues(s.owner(evil), "lock\u202e", evil, time.Hour)
		_, err := elections.New(o, "e", &elections.Options{ID: "id\u202e", Value: []byte(evil)}).Campaign(ctx)
		require.NoError(t, err)
		_, err = s.st.Create(ctx, kv.Record{Key: "coord/lock/bad/w/1", Value: kv.Value(evil)})
		require.NoError(t, err)
		_, err = s.st.Create(ctx, kv.Record{Key: "coord/election/bad/term", Value: kv.Value(evil)})
		require.NoError(t, err)
		_, err = s.st.Create(ctx, kv.Record{Key: "coord/registry/bad/i/1", Value: kv.Value(evil)})
		require.NoError(t, err)
		_, err = s.st.Create(ctx, kv.Record{Key: "coord/semaphore/bad/limit", Value: kv.Value(evil)})
		require.NoError(t, err)
		s.start(200, 60)
		for range 8 {
			require.Contains(t, s.shown(), `\u202e`)
			for _, l := range strings.Split(s.shown(), "\n") {
				require.Regexp(t, styled, l)
			}
			s.press('j')
		}
		s.press('/', 'x', '\u202e', 0x9b)
		require.Regexp(t, styled, strings.Split(s.shown(), "\n")[2])
		require.Contains(t, s.shown(), `/x\u202e`)
	})
}

func TestColoursAreLeftOut(t *testing.T) {
	for st := range style(len(sgr)) {
		text := line{{"x", st}}.paint(false)
		require.NotRegexp(t, `\x1b\[([0-9]+;)*[34][0-9]`, text, "style %d", st)
		require.Equal(t, "x", bare(line{{"x", st}}.paint(true)))
	}
}

func TestPicturesInASCII(t *testing.T) {
	require.Equal(t, "##--", asciiGlyphs.bar(5, 10, 4))
	require.Equal(t, "#---", asciiGlyphs.bar(1, 100, 4), "only nothing is empty")
	require.Equal(t, "----", asciiGlyphs.bar(0, 100, 4))
	require.Equal(t, "----", asciiGlyphs.bar(1, 0, 4))
	require.Equal(t, "  _.-#", spark(asciiGlyphs, []int{0, 1, 4, 10}, 6))
	require.Equal(t, "▁▁", spark(unicodeGlyphs, []int{0, 0}, 2))
}
