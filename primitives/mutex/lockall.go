package mutex

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/coordkit/coord/kv"
)

// LockAll takes several locks, all or none, under one ctx: in the order of their names, whatever their order in the call, so that
// two callers whose locks overlap cannot wait for each other in a circle.
//
// Its errors are those of [Mutex.Lock], of the lock that was not to be had, or ErrLost of one that was lost while the next was waited
// for, which ends the wait. What it had by then was given back before it returns, and what that said is joined. No locks, one that is
// nil or out of bounds, or two of one name are kv.ErrInvalid, and nothing was locked.
func LockAll(ctx context.Context, locks ...*Mutex) (*All, error) {
	if err := kv.ValidateContext(ctx); err != nil {
		return nil, &Error{Op: "lock", Err: err}
	}
	sorted, err := inOrder(locks)
	if err != nil {
		return nil, &Error{Op: "lock", Err: err}
	}
	all := &All{}
	for _, m := range sorted {
		if err := all.lockNext(ctx, m); err != nil {
			return nil, errors.Join(err, all.Unlock(ctx))
		}
	}
	return all, nil
}

// lockNext takes one more. While it waits for that one, the loss of one that is held ends the wait.
func (a *All) lockNext(ctx context.Context, m *Mutex) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	h, err := m.Lock(a.Context(ctx))
	if err == nil {
		a.held = append(a.held, h)
	}
	for _, h := range a.held {
		if lost := h.Err(); lost != nil && !errors.Is(err, kv.ErrClosed) {
			return h.l.opError(lost)
		}
	}
	return err
}

func inOrder(locks []*Mutex) ([]*Mutex, error) {
	if len(locks) == 0 {
		return nil, fmt.Errorf("%w: no locks", kv.ErrInvalid)
	}
	if slices.Contains(locks, nil) {
		return nil, fmt.Errorf("%w: nil lock", kv.ErrInvalid)
	}
	for _, m := range locks {
		if m.err != nil {
			return nil, m.err
		}
	}
	sorted := slices.SortedFunc(slices.Values(locks), func(a, b *Mutex) int { return strings.Compare(a.name, b.name) })
	for i := range sorted[1:] {
		if sorted[i].name == sorted[i+1].name {
			return nil, fmt.Errorf("%w: lock %q named twice", kv.ErrInvalid, sorted[i].name)
		}
	}
	return sorted, nil
}

// All are several locks held at once. All methods are safe for concurrent use.
type All struct{ held []*Held }

// Held returns the locks, sorted by name.
func (a *All) Held() []*Held { return slices.Clone(a.held) }

// Context returns a context with the values of parent that ends when parent does or when one of the locks does, with that one's cause.
func (a *All) Context(parent context.Context) context.Context {
	for _, h := range a.held {
		parent = h.Context(parent)
	}
	return parent
}

// Err returns nil while all are held, and else why the first that is not held is not.
func (a *All) Err() error {
	for _, h := range a.held {
		if err := h.Err(); err != nil {
			return err
		}
	}
	return nil
}

// ValidFor returns for how long all of them are certain to be held; see session.Hold.
func (a *All) ValidFor() time.Duration {
	d := time.Duration(1<<63 - 1)
	for _, h := range a.held {
		d = min(d, h.ValidFor())
	}
	return d
}

// Unlock gives all locks back, the last one first, and returns what their Unlock returned, joined. One that fails keeps none of the
// others. It may be repeated.
func (a *All) Unlock(ctx context.Context) error {
	var errs []error
	for _, h := range slices.Backward(a.held) {
		errs = append(errs, h.Unlock(ctx))
	}
	return errors.Join(errs...)
}
