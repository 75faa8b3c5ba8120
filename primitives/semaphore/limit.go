package semaphore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/internal/again"
	"github.com/coordkit/coord/primitives/internal/fields"
	"github.com/coordkit/coord/primitives/internal/line"
)

// format is the number of the limit record's format on the store.
const format = 1

// stored is the limit record's value, as JSON.
type stored struct {
	Format int   `json:"format"`
	Limit  int64 `json:"limit"`
	// Was is the highest limit that there was before, if that was higher: those who came by then may hold under it.
	Was int64 `json:"was,omitempty"`
}

// limit is how much there is.
type limit struct {
	n, was int64
	at     kv.Version // when it was last set
}

// errNoLimit: nobody has stored a limit yet.
var errNoLimit = errors.New("no limit is stored")

func decodeLimit(r kv.Record) (limit, error) {
	if r.Key == "" {
		return limit{}, errNoLimit
	}
	var s stored
	err := json.Unmarshal(r.Value, &s)
	switch {
	case err != nil:
		return limit{}, fmt.Errorf("limit %q cannot be read: %w", r.Key, err)
	case s.Format != format:
		return limit{}, fmt.Errorf("limit %q has the unknown format %d", r.Key, s.Format)
	case s.Limit <= 0:
		return limit{}, fmt.Errorf("limit %q is %d, which is none", r.Key, s.Limit)
	}
	return limit{n: s.Limit, was: s.Was, at: r.Version}, nil
}

// weight is how much an entry takes; one that does not say takes all there is.
func (l limit) weight(e line.Entry) int64 {
	if e.Err != nil || e.Weight <= 0 {
		return l.n
	}
	return e.Weight
}

// mayHold reports whether an entry, with which and those before it end is taken, holds a permit as far as the line tells. If not, it waits
// for certain: it has not been let in since it came, for the weights before an entry only shrink, and so it will say when it is.
//
// The doubt is about those who came before the limit was last set. One of them may have been let in under a limit that is over,
// without a mark if nobody stood behind it.
func (l limit) mayHold(e line.Entry, end int64) bool {
	return e.Granted || end <= l.n || e.Token < l.at && end <= l.was
}

// sum adds weights, which anybody can write, without an overflow.
func sum(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// createLimit stores the limit n unless there is one, and returns nil once there is.
func createLimit(ctx context.Context, st kv.Storage, name string, n int64) error {
	return settle(ctx, func() error {
		if err := tryCreateLimit(ctx, st, name, n); !errors.Is(err, kv.ErrAlreadyExists) {
			return err
		}
		return nil
	})
}

func tryCreateLimit(ctx context.Context, st kv.Storage, name string, n int64) error {
	value, err := json.Marshal(stored{Format: format, Limit: n})
	if err == nil {
		_, err = st.Create(ctx, kv.Record{Key: limitKey(name), Value: value})
	}
	return err
}

// setLimit stores the limit n, whatever there was. It may be repeated: a write is compared with what was read, so one that lands late
// hits nothing newer.
func setLimit(ctx context.Context, st kv.Storage, name string, n int64) error {
	return settle(ctx, func() error {
		for {
			err := trySetLimit(ctx, st, name, n)
			switch {
			case errors.Is(err, kv.ErrAlreadyExists), errors.Is(err, kv.ErrWrongVersion), errors.Is(err, kv.ErrNotFound):
				continue // to see what somebody else has made of it
			}
			return err
		}
	})
}

// trySetLimit is one try of setLimit. The error is of a write that found something else than what was read before, or another.
func trySetLimit(ctx context.Context, st kv.Storage, name string, n int64) error {
	r, err := st.Get(ctx, limitKey(name))
	switch {
	case errors.Is(err, kv.ErrNotFound):
		return tryCreateLimit(ctx, st, name, n)
	case err != nil:
		return err
	}
	if l, err := decodeLimit(r); err == nil && l.n == n {
		return nil
	}
	if r.Value, err = withLimit(r, n); err != nil {
		return err
	}
	_, err = st.CasByVersion(ctx, r)
	return err
}

// settle repeats a write until its outcome is known, and returns that. If ctx ends before, or another try is refused, the error is
// kv.ErrUncertain too: an earlier one may have been made, or may be yet.
func settle(ctx context.Context, write func() error) error {
	var doubt error
	for wait := again.New(again.First, again.Most); ; {
		err := write()
		switch {
		case err != nil && errors.Is(err, kv.ErrUncertain):
			doubt = err
			if err := wait.Wait(ctx); err != nil {
				return fmt.Errorf("%w: %w", err, doubt)
			}
		case err != nil && doubt != nil:
			return fmt.Errorf("%w: %w", doubt, err)
		default:
			return err
		}
	}
}

// known are the fields of a limit's record.
var known = fields.Of[stored]()

// withLimit returns the record's value with the limit n in it, and the fields that it does not know as they were. What cannot be read is
// replaced; what is of another format is left alone, with an error.
func withLimit(r kv.Record, n int64) (kv.Value, error) {
	var before stored
	readable := json.Unmarshal(r.Value, &before) == nil && string(r.Value) != "null"
	if readable && before.Format != format {
		return nil, fmt.Errorf("limit %q has the unknown format %d", r.Key, before.Format)
	}
	was := max(before.Limit, before.Was)
	if !readable || before.Limit <= 0 {
		was = math.MaxInt64 // whoever is there may hold
	}
	if was <= n {
		was = 0
	}
	own, err := json.Marshal(stored{Format: format, Limit: n, Was: was})
	if err != nil {
		return nil, err
	}
	if v, err := known.Merge(own, r.Value); err == nil {
		return v, nil
	}
	return own, nil // it was no object
}
