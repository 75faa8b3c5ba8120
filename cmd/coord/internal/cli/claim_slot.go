//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/semaphore"
	"github.com/coordkit/coord/primitives/session"
)

// slotClaim is one of so many slots of a name.
type slotClaim struct {
	name, note string
	slots      int64
	resize     bool // store the number, whatever was stored before
}

func (c *slotClaim) what() string { return fmt.Sprintf("a slot of %q", c.name) }

func (c *slotClaim) kind() string { return "slot" }

func (c *slotClaim) semaphore(ctx context.Context, s *session.Session) (*semaphore.Semaphore, error) {
	sem := semaphore.New(s, c.name, c.slots, &semaphore.Options{Note: c.note})
	if !c.resize {
		return sem, nil
	}
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	return sem, sem.SetLimit(ctx, c.slots)
}

func (c *slotClaim) try(ctx context.Context, _ kv.Storage, s *session.Session) (grant, error) {
	sem, err := c.semaphore(ctx, s)
	if err != nil {
		return nil, err
	}
	return c.answer(sem.TryAcquire(ctx, 1))
}

func (c *slotClaim) await(ctx context.Context, _ kv.Storage, s *session.Session) (grant, error) {
	sem, err := c.semaphore(ctx, s)
	if err != nil {
		return nil, err
	}
	return c.answer(sem.Acquire(ctx, 1))
}

func (c *slotClaim) answer(p *semaphore.Permit, err error) (grant, error) {
	var full *semaphore.FullError
	var limit *semaphore.LimitError
	switch {
	case errors.As(err, &full):
		by := fmt.Sprintf("%d ahead", full.Ahead)
		if holders := full.Before.Holders; len(holders) > 0 {
			by = fmt.Sprintf("%d of %d in use, by %s", full.Before.Used, full.Before.Limit, named(holders))
		}
		err = &takenError{by, err}
	case errors.As(err, &limit):
		err = exit(exitConfig, fmt.Errorf("%q has %s, not %d: --slots %d goes by that, --resize changes it for everybody",
			c.name, plural(int(limit.Have), "slot"), c.slots, limit.Have))
	}
	return granted(p, err)
}

func (c *slotClaim) look(ctx context.Context, st kv.Storage, lease kv.LeaseId) (standing, error) {
	info, err := semaphore.Inspect(ctx, st, c.name)
	if err != nil {
		return standing{}, err
	}
	s := standing{who: named(info.Holders), verb: fmt.Sprintf("%d of %d in use, by", info.Used, info.Limit)}
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

func (c *slotClaim) environ(g grant) []string { return lockEnvironment(c.name, g) }
