//go:build linux

package faults

import (
	"context"
	"time"

	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/semaphore"
	"github.com/coordkit/coord/primitives/session"
)

// ttl is the lease time of what faults are to end: short, and longer than a cluster takes to elect another leader.
const ttl = 3 * time.Second

// ttls are the lease times that holders are tested with: in the short form one that is renewed in time on a busy machine.
func ttls() []time.Duration {
	if brief() {
		return []time.Duration{5 * time.Second}
	}
	return []time.Duration{2 * time.Second, 5 * time.Second, 15 * time.Second}
}

// claim is something that somebody holds.
type claim struct {
	*session.Hold
	giveBack func(context.Context) error
	shared   bool // with others who read
}

// kinds are the ways to hold something alone; all tests of holders are of each.
var kinds = []string{"mutex", "rwmutex", "semaphore", "election"}

// reader is the kind that shares an rwmutex of the same name with others of its kind.
const reader = "reader"

// matches are a holder and one that waits for it to go.
var matches = [][2]string{
	{"mutex", "mutex"}, {"semaphore", "semaphore"}, {"election", "election"}, {"rwmutex", "rwmutex"}, {"rwmutex", reader}, {reader, "rwmutex"},
}

// take waits until it holds the name in one of the kinds, or as a reader.
func take(ctx context.Context, s *session.Session, kind, name string) (claim, error) {
	switch kind {
	case "mutex":
		h, err := mutex.New(s, name, nil).Lock(ctx)
		if err != nil {
			return claim{}, err
		}
		return claim{h.Hold, h.Unlock, false}, nil
	case "rwmutex":
		h, err := mutex.NewRW(s, "rw "+name, nil).Lock(ctx)
		if err != nil {
			return claim{}, err
		}
		return claim{h.Hold, h.Unlock, false}, nil
	case reader:
		h, err := mutex.NewRW(s, "rw "+name, nil).RLock(ctx)
		if err != nil {
			return claim{}, err
		}
		return claim{h.Hold, h.Unlock, true}, nil
	case "semaphore":
		p, err := semaphore.New(s, name, 1, nil).Acquire(ctx, 1)
		if err != nil {
			return claim{}, err
		}
		return claim{p.Hold, p.Release, false}, nil
	case "election":
		term, err := election.New(s, name, nil).Campaign(ctx)
		if err != nil {
			return claim{}, err
		}
		return claim{term.Hold, term.Resign, false}, nil
	}
	panic("unknown kind " + kind)
}

// holds reports whether the claim is valid by its own word, which is what a careful holder asks before each write.
func (c claim) holds() bool {
	select {
	case <-c.Done():
		return false
	default:
		return c.Err() == nil && c.ValidFor() > 0
	}
}
