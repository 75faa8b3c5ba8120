package sim

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/coordkit/coord/primitives/election"
)

// guarded is a name with who holds it and what it guards.
type guarded struct {
	name  string
	judge *judge
	res   *resource

	mu     sync.Mutex
	number int64 // of the last term
}

// begins checks that the numbers of terms grow.
func (g *guarded) begins(term *election.Term) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if term.Err() != nil || g.judge.r.isRevoked(term.Lease()) {
		return
	}
	if term.Number() <= g.number {
		g.judge.r.fail(oldTerm, "term %d after %d", term.Number(), g.number)
	}
	g.number = term.Number()
}

// observer keeps the last word of an Observe.
type observer struct {
	mu   sync.Mutex
	last election.LeaderInfo
}

func (o *observer) seen() election.LeaderInfo {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// observe checks that what it is told goes forward only, and that each value is its leader's own.
func (o *observer) observe(ctx context.Context, c *client) {
	told := false
	for now, err := range election.Observe(ctx, c.way("observer"), c.r.chair.name) {
		if err != nil {
			if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
				c.r.fail(wrongError, "Observe: %v", err)
			}
			return
		}
		o.mu.Lock()
		was := o.last
		o.last = now
		o.mu.Unlock()
		switch {
		case now.Number < was.Number:
			c.r.fail(oldTerm, "%s was told of term %d after term %d", c.name, now.Number, was.Number)
		case told && now.Number == was.Number && was.Vacant && !now.Vacant:
			c.r.fail(oldTerm, "%s was told that term %d was over, and then that it is not", c.name, now.Number)
		case !now.Vacant && !strings.HasPrefix(string(now.Value), now.ID):
			c.r.fail(viewWrong, "%s was told of value %q of leader %q", c.name, now.Value, now.ID)
		}
		told = true
	}
}
