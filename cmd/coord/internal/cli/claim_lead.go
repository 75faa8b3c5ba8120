//go:build unix

package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/session"
)

// leadClaim is the leadership of an election.
type leadClaim struct {
	name, id, value, note string
	priority              int
}

func (c *leadClaim) what() string { return fmt.Sprintf("leadership %q", c.name) }

func (c *leadClaim) kind() string { return "election" }

func (c *leadClaim) election(s *session.Session) *election.Election {
	return election.New(s, c.name, &election.Options{ID: c.id, Value: []byte(c.value), Priority: c.priority, Note: c.note})
}

// errBehind is the end of an attempt that found somebody before it.
var errBehind = errors.New("somebody is ahead")

// try stands for election if nobody leads or stands. Should somebody have been faster, it sees itself in the line behind them, and leaves.
func (c *leadClaim) try(ctx context.Context, st kv.Storage, s *session.Session) (grant, error) {
	now, err := c.look(ctx, st, kv.NoLeaseId)
	if err != nil {
		return nil, err
	}
	if now.who != "" || now.waiting > 0 {
		return nil, &takenError{now.taken(), errBehind}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	var follower sync.WaitGroup
	follower.Go(func() {
		_ = follow(ctx, st, func(ctx context.Context, st kv.Storage) (standing, error) { return c.look(ctx, st, s.LeaseID()) },
			func(now standing) {
				if now.place > 1 || now.place == 1 && now.who != "" {
					cancel(&takenError{now.taken(), errBehind})
				}
			})
	})
	t, err := c.election(s).Campaign(ctx)
	cancel(nil)
	follower.Wait()
	var taken *takenError
	if err != nil && errors.As(context.Cause(ctx), &taken) {
		err = taken
	}
	return granted(t, err)
}

func (c *leadClaim) await(ctx context.Context, st kv.Storage, s *session.Session) (grant, error) {
	t, err := c.election(s).Campaign(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		// That it was not elected is the store's to say.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWithin)
		defer cancel()
		now, e := c.look(ctx, st, kv.NoLeaseId)
		if e != nil {
			return nil, e
		}
		err = &takenError{now.taken(), err}
	}
	return granted(t, err)
}

func (c *leadClaim) look(ctx context.Context, st kv.Storage, lease kv.LeaseId) (standing, error) {
	info, err := election.Inspect(ctx, st, c.name)
	if err == nil {
		err = info.Err
	}
	if err != nil {
		return standing{}, err
	}
	s := standing{verb: "led by", waiting: len(info.Candidates)}
	if l := info.Leader; !l.Vacant {
		s.who, s.token, s.since, s.note = leaderName(l), l.Token, l.Since, l.Note
	}
	for i, e := range info.Candidates {
		if e.Lease == lease {
			s.place = i + 1
		}
	}
	return s, nil
}

// leaderName names a leader as holders of locks are named: "web-1/312 (make)".
func leaderName(l election.LeaderInfo) string { return fmt.Sprintf("%s (%s)", l.ID, l.Owner.Program) }

func (c *leadClaim) environ(g grant) []string {
	env := []string{
		"COORD_ELECTION_NAME=" + c.name,
		fmt.Sprintf("COORD_ELECTION_TOKEN=%d", g.Token()),
		"COORD_ELECTION_KEY=" + string(g.Key()),
		fmt.Sprintf("COORD_ELECTION_LEASE=%x", int64(g.Lease())),
	}
	if t, ok := g.(*election.Term); ok {
		env = append(env, fmt.Sprintf("COORD_ELECTION_TERM=%d", t.Number()), "COORD_ELECTION_ID="+t.ID())
	}
	return env
}
