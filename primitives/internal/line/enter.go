package line

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/session"
)

func lost(reason string) error { return fmt.Errorf("%w: %s", session.ErrLost, reason) }

// enter creates the entry and returns the nearest entry before it and how many there are.
//
// A create whose answer is lost is repeated under the same key: the key is this attempt's alone, so finding it there means
// that the first one took effect, and the place it got is kept.
func (a *attempt) enter(ctx context.Context) (near Entry, ahead int, err error) {
	a.name()
	a.born = time.Now()
	retry := newBackoff()
	for {
		near, ahead, err = a.append(ctx)
		switch {
		case err == nil:
			return near, ahead, nil
		case errors.Is(err, kv.ErrUncertain) && ctx.Err() == nil:
			a.dirty = true
			if err := retry.sleep(ctx); err != nil {
				return Entry{}, 0, err
			}
		case errors.Is(err, kv.ErrUncertain):
			a.dirty = true
			return Entry{}, 0, err
		case errors.Is(err, kv.ErrAlreadyExists) && a.token != 0:
			return a.look(ctx) // the first create took effect; Append does not tell who was before it
		case errors.Is(err, kv.ErrAlreadyExists):
			// Nobody but this lease makes such names, and this one had a clean end: then somebody copied it. Leave it be.
			a.ids.retire(a.id)
			a.name()
		default:
			return Entry{}, 0, err
		}
	}
}

// name gives the attempt a key of its own.
func (a *attempt) name() {
	a.id = a.ids.take()
	a.key = a.cfg.Root + a.cfg.Side + kv.Key(a.id)
}

// append creates the key and tells who was there before, in one step where the store can, else in two.
func (a *attempt) append(ctx context.Context) (near Entry, ahead int, err error) {
	r := kv.Record{Key: a.key, Value: a.value, Lease: a.t.LeaseID()}
	if st, ok := kv.As[kv.Appender](a.st); ok {
		start, end := kv.PrefixRange(a.cfg.Root)
		v, prev, n, err := st.Append(ctx, r, start, end)
		a.adopt(v, err)
		if err != nil || n == 0 {
			return Entry{}, 0, err
		}
		near := decode(prev)
		a.sweep(near)
		return near, n, nil
	}
	v, err := a.st.Create(ctx, r)
	a.adopt(v, err)
	if err != nil {
		return Entry{}, 0, err
	}
	return a.look(ctx)
}

// adopt takes the version that a create got, now or in a try whose answer was lost.
func (a *attempt) adopt(v kv.Version, err error) {
	if err == nil || errors.Is(err, kv.ErrAlreadyExists) && a.dirty {
		a.token = v
	}
}

// others returns all entries of the line but this attempt's, in order, and clears away what this session left there.
func (a *attempt) others(ctx context.Context) ([]Entry, error) {
	entries, err := Read(ctx, a.st, a.cfg.Root)
	if err != nil {
		return nil, err
	}
	others := entries[:0]
	for _, e := range entries {
		if e.Key != a.key {
			others = append(others, e)
			a.sweep(e)
		}
	}
	return others, nil
}

// look reads the line and returns the nearest entry before this attempt's and how many there are, or session.ErrLost if
// its own is not there. Once entered, an outage of the store does not end it.
func (a *attempt) look(ctx context.Context) (near Entry, ahead int, err error) {
	retry := newBackoff()
	for {
		entries, err := Read(ctx, a.st, a.cfg.Root)
		if transient(err) && ctx.Err() == nil {
			if err := retry.sleep(ctx); err != nil {
				return Entry{}, 0, err
			}
			continue
		}
		if err != nil {
			return Entry{}, 0, err
		}
		mine := false
		for _, e := range entries {
			switch {
			case e.Key == a.key:
				mine = e.Token == a.token
			case e.Token < a.token:
				a.sweep(e)
				near, ahead = e, ahead+1
			}
		}
		if !mine {
			return Entry{}, 0, lost("key gone")
		}
		return near, ahead, nil
	}
}

// sweep removes an entry that is under this session's lease and belongs to no attempt of it: a create that landed after
// it had been given up. Nobody else would remove it, for its lease lives.
func (a *attempt) sweep(e Entry) {
	if e.Lease == a.t.LeaseID() && a.ids.stray(e.Key) {
		a.t.Go(func(ctx context.Context) { _ = deleteUntilGone(ctx, a.st, e.Key) })
	}
}
