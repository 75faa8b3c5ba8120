// Package count decorates a storage so that it counts the calls made through it, for tests of what an algorithm costs.
package count

import (
	"context"
	"sync"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/intercept"
)

// Storage counts calls: those of the storage, of its capabilities, and of its leases. A call counts when it is made, however long
// it lasts and whatever comes of it: a wait once, and a watched range once. Of what a lease does by itself, as its renewals, it knows
// nothing, and calls with invalid arguments do not count. All methods are safe for concurrent use.
type Storage struct {
	*intercept.Storage

	mu    sync.Mutex
	calls map[string]int // by operation
}

// New returns st with its calls counted.
func New(st kv.Storage) *Storage {
	s := &Storage{calls: map[string]int{}}
	s.Storage = intercept.Wrap(st, s.count)
	return s
}

func (s *Storage) count(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
	s.mu.Lock()
	s.calls[c.Op]++
	s.mu.Unlock()
	return do(ctx)
}

// Total returns how many calls were made since the last Reset.
func (s *Storage) Total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.totalLocked()
}

func (s *Storage) totalLocked() int {
	total := 0
	for _, n := range s.calls {
		total += n
	}
	return total
}

// Of returns how many calls of an operation, such as [intercept.OpGet], were made since the last Reset.
func (s *Storage) Of(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[op]
}

// Reset begins to count anew, and returns the total until now, in one step: no call is lost between the two.
func (s *Storage) Reset() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := s.totalLocked()
	clear(s.calls)
	return total
}
