package election

import (
	"cmp"
	"slices"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/line"
)

// order is the rule of elections: who leads is in everybody's way, and the rest stand in the order of succession, each waiting for
// the one before it, so that an end wakes one.
//
// The order of succession is: whom the last leader chose; then the higher priority; then who joined first. It can put somebody
// who joined later before others, who may be judging the same moment without having seen it. So the order decides who tries, and
// the term record, written by compare-and-swap, who leads.
type order struct {
	queued func() // called when the candidate is seen to wait for another

	// The term record as the candidate's goroutine has seen it last. Each look at the line asks for it, and so does the seal.
	last term
	at   kv.Version
}

// term is decodeTerm, once for each version.
func (o *order) term(r kv.Record) (term, error) {
	if r.Version != o.at || r.Key == "" {
		t, err := decodeTerm(r)
		if err != nil {
			return t, err
		}
		o.last, o.at = t, r.Version
	}
	return o.last, nil
}

// InTheWay implements line.Rule.
//
// Two entries change places only with a choice of the leader's, and a new term makes a choice void. So each waits for changes of
// its own entry, where a choice is written; and who stands behind the chosen one, for the next term, too: by then that one may stand
// behind it.
func (o *order) InTheWay(s line.Sight) ([]line.Entry, error) {
	t, err := o.term(s.Aside)
	if err != nil {
		return nil, err
	}
	leader, next, followed := line.Entry{}, line.Entry{}, false
	for _, e := range slices.Concat(s.Before, s.After) {
		switch {
		case t.isOf(e):
			leader = e
		case succeeds(t, e, s.Own) < 0 && (!followed || succeeds(t, next, e) < 0):
			next, followed = e, true // the last of those who come before
		}
	}
	var wait []line.Entry
	switch {
	case followed:
		wait = []line.Entry{next, line.AnyChange(s.Own.Key, s.Own.Version)}
		if t.chose(next) {
			wait = append(wait, line.AnyChange(s.Aside.Key, s.Aside.Version))
		}
	case leader.Key != "":
		wait = []line.Entry{leader}
	}
	if len(wait) > 0 {
		o.queued()
	}
	return wait, nil
}

// Near implements line.Rule. Of two with the same priority the first to join comes first, until the second is chosen, which changes its own
// entry; and if the first leads by then, or is chosen itself, it is in the way as well. So who joins a long line has no need to see it all.
func (o *order) Near(mine, near line.Entry) []line.Entry {
	if near.Priority != mine.Priority {
		return nil
	}
	o.queued()
	return []line.Entry{near, line.AnyChange(mine.Key, mine.Version)}
}

// succeeds is negative if a comes before b in the succession to the term.
func succeeds(t term, a, b line.Entry) int {
	switch chosen := t.chose(a); {
	case chosen != t.chose(b) && chosen:
		return -1
	case chosen != t.chose(b):
		return 1
	case chosen: // who was chosen last
		return cmp.Compare(b.Version, a.Version)
	case a.Priority != b.Priority:
		return cmp.Compare(b.Priority, a.Priority)
	case a.Token != b.Token:
		return cmp.Compare(a.Token, b.Token)
	}
	return cmp.Compare(a.Key, b.Key) // two tokens are equal only if somebody forged one
}
