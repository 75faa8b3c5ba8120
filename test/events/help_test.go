package events

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/session"
)

const ttl = 15 * time.Second

// onBoth runs body in fake time on a store with its capabilities, and on one that has none.
func onBoth(t *testing.T, body func(t *testing.T, st kv.Storage)) {
	for name, as := range map[string]func(kv.Storage) kv.Storage{
		"with capabilities": func(st kv.Storage) kv.Storage { return st },
		"pure contract":     kvtest.Hide,
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, st *memory.Storage) { body(t, as(st)) })
		})
	}
}

// inBubble runs body in fake time with a store of its own.
func inBubble(t *testing.T, body func(t *testing.T, st *memory.Storage)) {
	bubble.Test(t, func(t *testing.T) {
		st := memory.New(nil)
		t.Cleanup(func() { require.NoError(t, st.Close()) })
		body(t, st)
	})
}

// heard is what a hook was told.
type heard struct {
	mu     sync.Mutex
	events []session.Event
}

func (h *heard) hear(e session.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

// all are the events so far.
func (h *heard) all() []session.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]session.Event(nil), h.events...)
}

// kinds are those of the events so far, in order.
func (h *heard) kinds() string {
	var kinds []string
	for _, e := range h.all() {
		kinds = append(kinds, string(e.Kind))
	}
	return strings.Join(kinds, ", ")
}

// only is the one event of a kind.
func (h *heard) only(t *testing.T, kind session.EventKind) session.Event {
	t.Helper()
	var found []session.Event
	for _, e := range h.all() {
		if e.Kind == kind {
			found = append(found, e)
		}
	}
	require.Len(t, found, 1, "%s, of %s", kind, h.kinds())
	return found[0]
}

// open is a session that tells what it returns, closed at the test's end.
func open(t *testing.T, st kv.Storage, opts session.Options) (*session.Session, *heard) {
	t.Helper()
	h := &heard{}
	opts.TTL = ttl
	if opts.OnEvent == nil {
		opts.OnEvent = h.hear
	}
	s := session.New(st, &opts)
	t.Cleanup(func() { _ = s.Close(context.WithoutCancel(t.Context())) })
	return s, h
}

// silent is a session without hooks, closed at the test's end.
func silent(t *testing.T, st kv.Storage) *session.Session {
	s := session.New(st, &session.Options{TTL: ttl})
	t.Cleanup(func() { _ = s.Close(context.WithoutCancel(t.Context())) })
	return s
}
