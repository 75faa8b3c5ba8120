//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// lockClaim is a lock, for one or, shared, for all who read.
type lockClaim struct {
	name, note string
	shared     bool
}

func (c *lockClaim) what() string { return fmt.Sprintf("lock %q", c.name) }

func (c *lockClaim) kind() string {
	if c.shared {
		return "shared"
	}
	return "exclusive"
}

func (c *lockClaim) lock(s *session.Session) *mutex.RWMutex {
	return mutex.NewRW(s, c.name, &mutex.Options{Note: c.note})
}

func (c *lockClaim) try(ctx context.Context, _ kv.Storage, s *session.Session) (grant, error) {
	if c.shared {
		return c.answer(c.lock(s).TryRLock(ctx))
	}
	return c.answer(c.lock(s).TryLock(ctx))
}

func (c *lockClaim) await(ctx context.Context, _ kv.Storage, s *session.Session) (grant, error) {
	if c.shared {
		return c.answer(c.lock(s).RLock(ctx))
	}
	return c.answer(c.lock(s).Lock(ctx))
}

func (c *lockClaim) answer(h *mutex.Held, err error) (grant, error) {
	var locked *mutex.LockedError
	if errors.As(err, &locked) {
		by := fmt.Sprintf("%d ahead", locked.Ahead)
		if locked.Holder.Key != "" {
			by = "held by " + locked.Holder.String()
		}
		err = &takenError{by, err}
	}
	return granted(h, err)
}

func (c *lockClaim) look(ctx context.Context, st kv.Storage, lease kv.LeaseId) (standing, error) {
	info, err := mutex.Inspect(ctx, st, c.name)
	if err != nil {
		return standing{}, err
	}
	s := standing{who: named(info.Holders), verb: "held by"}
	if len(info.Holders) > 0 {
		first := info.Holders[0]
		s.token, s.since, s.note = first.Token, first.Since, first.Note
	}
	for i, e := range info.Queue {
		if e.Lease == lease {
			s.place = i + 1
		}
	}
	return s, nil
}

// environ is in coord's and in etcdctl's names.
func (c *lockClaim) environ(g grant) []string {
	return append(lockEnvironment(c.name, g),
		"ETCD_LOCK_KEY="+string(g.Key()),
		fmt.Sprintf("ETCD_LOCK_REV=%d", g.Token()),
	)
}

func lockEnvironment(name string, g grant) []string {
	return []string{
		"COORD_LOCK_NAME=" + name,
		fmt.Sprintf("COORD_LOCK_TOKEN=%d", g.Token()),
		"COORD_LOCK_KEY=" + string(g.Key()),
		fmt.Sprintf("COORD_LOCK_LEASE=%x", int64(g.Lease())),
	}
}
