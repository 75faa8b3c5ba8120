package etcd

import (
	"sync"

	"github.com/coordkit/coord/kv"
)

// hub shares watches: all that wait on one key wait on one [topic], which exists while somebody does.
type hub struct {
	s *Storage

	mu     sync.Mutex
	topics map[kv.Key]*topic
}

func newHub(s *Storage) *hub {
	return &hub{s: s, topics: make(map[kv.Key]*topic)}
}

// join registers a waiter for changes of key after version, and opens the key's topic if it is the first. Every join is
// followed by a leave. It fails with kv.ErrClosed only.
func (h *hub) join(key kv.Key, version kv.Version) (*waiter, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[key]
	if t == nil {
		t = newTopic(h, key)
		if !h.s.start(t.run) {
			t.cancel()
			return nil, kv.ErrClosed
		}
		h.topics[key] = t
	}
	t.waiters++
	return &waiter{topic: t, version: version, next: t.tail()}, nil
}

// leave takes the waiter back. The last one ends the topic, its watch and its read.
func (h *hub) leave(w *waiter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if w.topic.waiters--; w.topic.waiters == 0 {
		h.dropLocked(w.topic)
	}
}

// drop takes a topic that has failed out of the hub, so that the next waiter opens another.
func (h *hub) drop(t *topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.dropLocked(t)
}

func (h *hub) dropLocked(t *topic) {
	t.cancel()
	if h.topics[t.key] == t {
		delete(h.topics, t.key)
	}
}
