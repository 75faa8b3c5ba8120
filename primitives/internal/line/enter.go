package line

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/again"
	"github.com/coordkit/coord/primitives/session"
)

func lost(reason string) error { return fmt.Errorf("%w: %s", session.ErrLost, reason) }

// errKeyGone: the attempt's own entry is not in the line.
var errKeyGone = lost("key gone")

// enter creates the entry and returns the line as it was then, as far as the call that created it told.
//
// A create whose answer is lost is repeated under the same key: the key is this attempt's alone, so finding it there means
// that the first one took effect, and the place it got is kept.
func (a *attempt) enter(ctx context.Context) (Sight, error) {
	a.name()
	a.born = time.Now()
	retry := again.New(again.First, again.Most)
	for {
		s, err := a.append(ctx)
		switch {
		case err == nil:
			return s, nil
		case errors.Is(err, kv.ErrUncertain) && ctx.Err() == nil:
			a.dirty = true
			if err := retry.Wait(ctx); err != nil {
				return Sight{}, err
			}
		case errors.Is(err, kv.ErrUncertain):
			a.dirty = true
			return Sight{}, err
		case errors.Is(err, kv.ErrAlreadyExists) && a.token != 0:
			return a.look(ctx) // the first create took effect; Append does not tell who was before it
		case errors.Is(err, kv.ErrAlreadyExists):
			// Nobody but this lease makes such names, and this one had a clean end: then somebody copied it. Leave it be.
			a.ids.retire(a.id)
			a.name()
		default:
			return Sight{}, err
		}
	}
}

// name gives the attempt a key of its own.
func (a *attempt) name() {
	a.id = a.ids.take()
	a.key = a.cfg.Root + a.cfg.Side + kv.Key(a.id)
}

// append creates the key and tells who was there before, in one step where the store can, else in two.
func (a *attempt) append(ctx context.Context) (Sight, error) {
	r := kv.Record{Key: a.key, Value: a.value, Lease: a.t.LeaseID()}
	if st, ok := kv.As[kv.Appender](a.st); ok {
		start, end := kv.PrefixRange(a.cfg.Rivals)
		v, prev, n, err := st.Append(ctx, r, start, end)
		a.adopt(v, err)
		if err != nil {
			return Sight{}, err
		}
		return a.told(prev, n), nil
	}
	v, err := a.st.Create(ctx, r)
	a.adopt(v, err)
	if err != nil {
		return Sight{}, err
	}
	return a.look(ctx)
}

// adopt takes the version that a create got, now or in a try whose answer was lost.
func (a *attempt) adopt(v kv.Version, err error) {
	if err == nil || errors.Is(err, kv.ErrAlreadyExists) && a.dirty {
		a.token, a.from = v, v
	}
}
