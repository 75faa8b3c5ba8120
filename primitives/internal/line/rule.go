package line

import (
	"slices"

	"github.com/coordkit/coord/kv"
)

// Rule says who stands in whose way.
//
// A rule must go by those who came before, which for an entry is a set fixed when it joins that only shrinks, so that what is out of the
// way stays out of it. A rule that looks at more needs a Config.Seal, which decides between two that both see their way free.
type Rule interface {
	// InTheWay returns for whom s.Own waits: it looks again when one of them is gone or has changed its kind. If there are none the place
	// is its own. An error ends the attempt.
	InTheWay(s Sight) ([]Entry, error)

	// Near returns what mine waits for, as InTheWay does, if near, the newest entry before it, is in its way whatever else there is; and
	// nothing if that cannot be told.
	Near(mine, near Entry) []Entry
}

// AnyChange is what a rule returns to wait for any change of the record at key since version v: an entry's, or that of the record aside.
func AnyChange(key kv.Key, v kv.Version) Entry { return Entry{Key: key, Version: v, Token: -1} }

// ReadWrite is the rule of locks: those who share are in the way of those who do not, and everybody else of everybody.
type ReadWrite struct{}

// InTheWay returns the nearest entry in the way: who is before that one goes first, as a rule, and if not, one look tells. So an end
// wakes one writer, or the readers that stand behind a writer.
func (ReadWrite) InTheWay(s Sight) ([]Entry, error) {
	for i, e := range slices.Backward(s.Before) {
		if !s.Own.Shared || !e.Shared {
			return s.Before[i : i+1], nil
		}
	}
	return nil, nil
}

// Near implements Rule.
func (r ReadWrite) Near(mine, near Entry) []Entry {
	wait, _ := r.InTheWay(Sight{Own: mine, Before: []Entry{near}})
	return wait
}

// Granted tells of each entry of a line, in order, whether its place is its own.
func Granted(r Rule, all Sight) []bool {
	entries := slices.Concat(all.Before, all.After)
	granted := make([]bool, len(entries))
	for i, e := range entries {
		wait, err := r.InTheWay(Sight{Own: e, Before: entries[:i], After: entries[i+1:], Aside: all.Aside})
		granted[i] = err == nil && len(wait) == 0
	}
	return granted
}
