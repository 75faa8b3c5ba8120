package line

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/again"
)

// Sight is a line as it was at one moment, seen from the place of one entry.
type Sight struct {
	// Own is the entry itself.
	Own Entry
	// Before are the entries that were there before it, After those that came later, both in order.
	Before, After []Entry
	// Aside is the line's record beside its entries, zero if there is none (see Config).
	Aside kv.Record

	ahead   int  // how many were there before it; after a glance, at most so many
	partial bool // Before and Aside are not all there was: the rule cannot be asked
	glance  bool // nothing is known of who came later
}

// short reports whether the line is known to be short enough to be looked at through a view.
func (s Sight) short() bool { return !s.glance && s.ahead+1+len(s.After) <= openUpTo }

// arrange ends the making of a sight from entries in any order.
func (s *Sight) arrange() {
	slices.SortFunc(s.Before, inOrder)
	slices.SortFunc(s.After, inOrder)
	s.ahead = len(s.Before)
}

// told is what an Append tells of the line: n records were there before, and the newest of them was prev.
func (a *attempt) told(prev kv.Record, n int) Sight {
	s := Sight{Own: a.mine(), ahead: n, partial: n > 1}
	switch {
	case n == 0:
		return s
	case prev.Key == a.cfg.Aside:
		s.Aside = prev
	case !strings.HasPrefix(string(prev.Key), string(a.cfg.Root)):
		s.partial = true // somebody has put it there by hand: it is no entry, and who stands before it is not known
	default:
		near := place(prev)
		a.c.sweep(near)
		s.Before = []Entry{near}
	}
	if a.cfg.Aside != "" && (s.partial || s.Aside.Key != "") {
		s.ahead-- // the record aside is one of them
	}
	return s
}

// peek reads the line without having entered it. Everybody is before this attempt then.
func (a *attempt) peek(ctx context.Context) (Sight, error) {
	start, end := kv.PrefixRange(a.cfg.Around)
	records, err := a.st.GetRange(ctx, start, end)
	if err != nil {
		return Sight{}, err
	}
	return a.see(records), nil
}

// see sorts what a read of the line found: all but the attempt's own entry, and all of them before it while it has none. What this
// session has left there is cleared away.
func (a *attempt) see(records kv.Records) Sight {
	var s Sight
	s.Own = a.mine()
	for _, r := range records {
		switch {
		case r.Key == a.cfg.Aside:
			s.Aside = r
			continue
		case r.Key == a.key && a.token != 0:
			s.Own = place(r)
			continue
		case !strings.HasPrefix(string(r.Key), string(a.cfg.Root)):
			continue
		}
		e := place(r)
		a.c.sweep(e)
		if a.token != 0 && e.Token > a.token {
			s.After = append(s.After, e)
		} else {
			s.Before = append(s.Before, e)
		}
	}
	s.arrange()
	return s
}

// look reads the line, and returns errKeyGone if the attempt's own entry is not there. Once entered, an outage of the store does not end
// it.
func (a *attempt) look(ctx context.Context) (Sight, error) {
	start, end := kv.PrefixRange(a.cfg.Around)
	for retry := again.New(again.First, again.Most); ; {
		records, err := a.st.GetRange(ctx, start, end)
		switch {
		case transient(err) && ctx.Err() == nil:
			if err := retry.Wait(ctx); err != nil {
				return Sight{}, err
			}
			continue
		case err != nil:
			return Sight{}, err
		}
		i := slices.IndexFunc(records, func(r kv.Record) bool { return r.Key == a.key })
		if i < 0 || place(records[i]).Token != a.token {
			return Sight{}, errKeyGone
		}
		for _, r := range records {
			a.from = max(a.from, r.Version)
		}
		return a.see(records), nil
	}
}

// lookAgain is look when somebody who was in the way in s has moved. Where the store can, the attempt only glances at who is nearest
// before it now: in a long line that is all it needs, for if there is nobody, nobody is in the way. That holds for a rule that goes by
// those before alone, and needs neither the record aside, nor those who came later, whom a seal decides between and marks are for.
func (a *attempt) lookAgain(ctx context.Context, s Sight) (Sight, error) {
	st, ok := kv.As[kv.PlaceReader](a.st)
	if !ok || a.cfg.Aside != "" || a.cfg.Seal != nil || a.cfg.Marks || a.ids.doubt.Load() {
		return a.look(ctx)
	}
	start, end := kv.PrefixRange(a.cfg.Rivals)
	for retry := again.New(again.First, again.Most); ; {
		own, prev, err := st.ReadPlace(ctx, a.key, a.token, start, end)
		switch {
		case errors.Is(err, kv.ErrNotFound):
			return Sight{}, errKeyGone
		case transient(err) && ctx.Err() == nil:
			if err := retry.Wait(ctx); err != nil {
				return Sight{}, err
			}
			continue
		case err != nil:
			return Sight{}, err
		}
		return a.glimpse(own, prev, s.ahead-1)
	}
}

// glimpse is what a glance tells: the attempt's own record, and the one that was created last of those before it, of which there
// are ahead at most.
func (a *attempt) glimpse(own, prev kv.Record, ahead int) (Sight, error) {
	s := Sight{Own: place(own), glance: true}
	if s.Own.Token != a.token {
		return Sight{}, errKeyGone
	}
	if prev.Key != "" {
		near := place(prev)
		a.c.sweep(near)
		s.Before, s.ahead = []Entry{near}, max(ahead, 1)
		s.partial = true
	}
	a.from = max(a.from, own.Version, prev.Version)
	return s, nil
}
