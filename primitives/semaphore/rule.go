package semaphore

import (
	"context"
	"errors"
	"slices"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/line"
)

// rule is the line's rule, for one Acquire: its own units, after all that those before it take, are within the limit.
type rule struct {
	s      *Semaphore
	want   int64 // the semaphore's limit when the Acquire began
	agreed bool  // the stored limit was the one wanted; what SetLimit makes of it later is no mistake
	tries  int   // how often it has stored the limit
}

func (s *Semaphore) newRule() *rule { return &rule{s: s, want: s.want.Load()} }

// firstTries is how often one Acquire stores a limit that it then does not find.
const firstTries = 3

// limitOnceMore is for line.Config.Again. Nobody was here before, or somebody has deleted the limit: the first to come tries twice for it, and
// all others pay nothing.
func (r *rule) limitOnceMore(ctx context.Context, st kv.Storage, err error) error {
	if !errors.Is(err, errNoLimit) || r.tries == firstTries {
		return err
	}
	r.want, r.agreed = r.s.want.Load(), false
	r.tries++
	return createLimit(ctx, st, r.s.name, r.want)
}

// InTheWay implements line.Rule. The first who is outside waits for all before it, for whoever of them gives back first may let it in, and
// for another limit. Everybody else waits for the one before it, behind which it cannot be let in either, until that is gone or in.
func (r *rule) InTheWay(s line.Sight) ([]line.Entry, error) {
	l, err := decodeLimit(s.Aside)
	switch {
	case err != nil:
		return nil, err
	case !r.agreed && !r.agrees(l.n):
		return nil, &LimitError{Name: r.s.name, Want: r.s.want.Load(), Have: l.n}
	case s.Own.Weight > l.n:
		return nil, &LimitError{Name: r.s.name, Want: r.s.want.Load(), Have: l.n, Weight: s.Own.Weight}
	}
	r.agreed = true
	end, holds := int64(0), true // what is taken, and whether the last of those who take it may hold it
	for _, e := range s.Before {
		end = sum(end, l.weight(e))
		holds = l.mayHold(e, end)
	}
	switch {
	case sum(end, s.Own.Weight) <= l.n:
		return nil, nil
	case !holds:
		return s.Before[len(s.Before)-1:], nil
	}
	return append(slices.Clone(s.Before), line.AnyChange(s.Aside.Key, s.Aside.Version)), nil
}

// agrees reports whether n is a limit that this Acquire goes by: the one wanted, or one that the Semaphore's user has set, or is setting,
// meanwhile.
func (r *rule) agrees(n int64) bool {
	return r.s.opts.Follow || n == r.want || n == r.s.want.Load() || n == r.s.next.Load()
}

// Near implements line.Rule: one entry never tells.
func (r *rule) Near(line.Entry, line.Entry) []line.Entry { return nil }
