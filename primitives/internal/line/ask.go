package line

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coordkit/coord/primitives/internal/bridge"
	"github.com/coordkit/coord/primitives/session"
)

// asking is one Join, whatever number of attempts it takes, and what events tell of it.
type asking struct {
	in    bridge.Session
	c     Config
	ctx   context.Context // the caller's, as the hook has returned it
	since time.Time

	joined bool // the hook has been told that it stands in the line
	ahead  int  // how many were there before it then
}

func (k *asking) complete() {
	if k.c.Rivals == "" {
		k.c.Rivals = k.c.Root
	}
	if k.c.Around == "" {
		k.c.Around = k.c.Root
	}
}

func (k *asking) what() bridge.What {
	return bridge.What{Primitive: k.c.Primitive, Name: k.c.Name, Shared: k.c.Shared, Weight: k.c.Weight}
}

// join makes attempts until one succeeds or there is no point in another.
func (k *asking) join(owner session.Owner) (*Place, error) {
	p, err := k.tryHarder(owner)
	if err != nil {
		return nil, k.failed(err)
	}
	p.a.hold.Announce(k.ctx, k.ahead, p.took)
	return p, nil
}

// tryHarder tries again after what Config.Again can help with.
func (k *asking) tryHarder(owner session.Owner) (*Place, error) {
	for {
		p, err := k.try(owner)
		if err != nil && k.c.Again != nil {
			if err = k.c.Again(k.ctx, k.in.Storage(), err); err == nil {
				continue
			}
		}
		return p, err
	}
}

// try makes attempts until one has been in the line.
func (k *asking) try(owner session.Owner) (*Place, error) {
	ctx := k.ctx
	for n := 0; ; n++ {
		t, err := k.in.Tenure(ctx)
		if err != nil {
			return nil, err
		}
		a := newAttempt(t, k, owner)
		p, err := a.run(ctx)
		if err != nil && ctx.Err() != nil && !errors.Is(err, session.ErrLost) && !errors.Is(err, ctx.Err()) {
			err = fmt.Errorf("%w: %w", ctx.Err(), err) // a write that ctx has cut short may be uncertain, and no more
		}
		// The lease may have gone between two uses; as long as nothing was entered under it, a new one is as good.
		if errors.Is(err, errNoLease) && n < renewals {
			continue
		}
		return p, err
	}
}

// enter tells that an attempt stands in the line, of which s is known. Attempts after the first were told of with it.
func (k *asking) enter(s Sight) {
	if k.joined {
		return
	}
	k.joined, k.ahead = true, k.before(s)
	k.in.Joined(k.ctx, k.what(), k.ahead, time.Since(k.since))
}

// before is how many who may be in the way were there before: of all entries that a read has shown, those that an Append would have counted.
func (k *asking) before(s Sight) int {
	if len(s.Before) < s.ahead || k.c.Rivals == k.c.Root {
		return s.ahead
	}
	n := 0
	for _, e := range s.Before {
		if strings.HasPrefix(string(e.Key), string(k.c.Rivals)) {
			n++
		}
	}
	return n
}

// failed tells that nothing came of it, and returns the caller's error.
func (k *asking) failed(err error) error {
	ahead := k.ahead
	var occupied *OccupiedError
	if errors.As(err, &occupied) {
		ahead = occupied.Ahead
	}
	err = k.callers(err)
	k.in.Failed(k.ctx, k.what(), ahead, time.Since(k.since), err)
	return err
}

// callers makes an error the caller's.
func (k *asking) callers(err error) error {
	if k.c.Fail == nil {
		return err
	}
	return k.c.Fail(&k.c, err)
}
