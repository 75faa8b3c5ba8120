//go:build unix

package cli

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
)

// bench is a store in fake time, and how the command is called on it.
type bench struct {
	t        *testing.T
	st       kv.Storage
	in       string
	terminal bool
	columns  int
	env      map[string]string
}

// onMemory runs a test with a store of its own. Its time begins at midnight of the year 2000.
func onMemory(t *testing.T, f func(t *testing.T, b *bench)) {
	t.Helper()
	bubble.Test(t, func(t *testing.T) {
		st := memory.New(nil)
		defer st.Close()
		f(t, &bench{t: t, st: st})
	})
}

func (b *bench) io(out, messages io.Writer) IO {
	return IO{
		In: strings.NewReader(b.in), Out: out, Err: messages, Terminal: b.terminal, Columns: func() int { return b.columns }, Store: b.st,
		LookupEnv: func(name string) (string, bool) { v, ok := b.env[name]; return v, ok },
	}
}

// run calls the command.
func (b *bench) run(args ...string) (out, messages string, code int) {
	b.t.Helper()
	var o, m bytes.Buffer
	code = Main(b.t.Context(), args, b.io(&o, &m))
	return o.String(), m.String(), code
}

// ok calls the command, which must succeed.
func (b *bench) ok(args ...string) string {
	b.t.Helper()
	out, messages, code := b.run(args...)
	require.Zero(b.t, code, "%v: %s", args, messages)
	return out
}

// no calls the command, which must fail with a code, print nothing and say one line.
func (b *bench) no(code int, args ...string) string {
	b.t.Helper()
	out, messages, got := b.run(args...)
	require.Equal(b.t, code, got, "%v: %s", args, messages)
	require.Empty(b.t, out, "%v", args)
	first, rest, _ := strings.Cut(messages, "\n")
	require.True(b.t, rest == "" || code == exitUsage && strings.HasPrefix(rest, "usage: "), "one line: %q", messages)
	return first
}

// process is a command under way.
type process struct {
	t        *testing.T
	out      synced
	messages synced
	code     chan int
	stop     context.CancelFunc
}

// start starts the command. Its output is what it has written when everything waits.
func (b *bench) start(args ...string) *process {
	b.t.Helper()
	ctx, stop := context.WithCancel(b.t.Context())
	p := &process{t: b.t, code: make(chan int, 1), stop: stop}
	std := b.io(&p.out, &p.messages)
	go func() { p.code <- Main(ctx, args, std) }()
	b.t.Cleanup(stop)
	return p
}

// wrote returns what has come since the last call.
func (p *process) wrote() string {
	synctest.Wait()
	return p.out.take()
}

// synced is a buffer that one writes and another reads.
type synced struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *synced) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *synced) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.b.Reset()
	return s.b.String()
}

// owner is a process that holds things, until the test's end.
func (b *bench) owner(name string) *session.Session {
	s := session.New(b.st, &session.Options{
		TTL: 15 * time.Second, Owner: session.Owner{Name: name, Host: "web", PID: 7, Program: "make"},
	})
	b.t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}
