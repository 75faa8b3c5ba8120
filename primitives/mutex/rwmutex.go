package mutex

import (
	"context"

	"github.com/coordkit/coord/primitives/session"
)

// RWMutex is a lock by name that many readers may hold at once, or one writer. It and a [Mutex] of the same name are the same lock, whose
// write side the mutex is. All methods are safe for concurrent use.
//
// Readers and writers stand in one line, so neither starves: a reader that comes after a waiting writer waits for it, and the end
// of a writer lets all the readers in that stand behind it, up to the next writer. So a goroutine that read-locks a name twice
// may wait for itself, when a writer asked between the two.
//
// A reader's token is the version of its own entry. It is greater than the token of every writer before it, so a resource that knows the
// highest token of a writer can refuse late readers, too; see package fence.
type RWMutex struct{ lock }

// NewRW returns the reader-writer lock called name, held under s. It does no I/O and needs no Close. A name or an option out of
// bounds is kv.ErrInvalid from every use.
func NewRW(s *session.Session, name string, opts *Options) *RWMutex {
	return &RWMutex{newLock(s, name, opts)}
}

// Lock waits until everybody who asked before has gone, and returns the lock held for writing. Its errors are those of [Mutex.Lock].
func (m *RWMutex) Lock(ctx context.Context) (*Held, error) { return m.join(ctx, exclusive, false) }

// RLock waits until every writer that asked before has gone, and returns the lock held for reading. Its errors are those of [Mutex.Lock].
func (m *RWMutex) RLock(ctx context.Context) (*Held, error) { return m.join(ctx, shared, false) }

// TryLock returns the lock held for writing if nobody has it and nobody waits for it, and otherwise a *LockedError, which tells who has
// it.
func (m *RWMutex) TryLock(ctx context.Context) (*Held, error) { return m.join(ctx, exclusive, true) }

// TryRLock returns the lock held for reading if no writer has it or waits for it, and otherwise a *LockedError.
func (m *RWMutex) TryRLock(ctx context.Context) (*Held, error) { return m.join(ctx, shared, true) }

// Do runs f while it holds the lock for writing, as [Mutex.Do] does.
func (m *RWMutex) Do(ctx context.Context, f func(ctx context.Context, h *Held) error) error {
	return do(ctx, f, m.Lock)
}

// RDo runs f while it holds the lock for reading, as [Mutex.Do] does.
func (m *RWMutex) RDo(ctx context.Context, f func(ctx context.Context, h *Held) error) error {
	return do(ctx, f, m.RLock)
}
