package line_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/internal/line"
	"github.com/coordkit/coord/primitives/session"
)

const root = "line/q/"

// weights is a rule that lets in until the weights are more than two: the one who is first outside waits for all, the others for the
// one before them.
type weights struct{}

var errTooHeavy = errors.New("too heavy")

func (weights) InTheWay(s line.Sight) ([]line.Entry, error) {
	if s.Own.Weight > 2 {
		return nil, errTooHeavy
	}
	sum, last := int64(0), false
	for _, e := range s.Before {
		sum += e.Weight
		last = sum <= 2 || e.Granted
	}
	switch {
	case sum+s.Own.Weight <= 2:
		return nil, nil
	case last:
		return s.Before, nil
	}
	return s.Before[len(s.Before)-1:], nil
}

func (weights) Near(line.Entry, line.Entry) []line.Entry { return nil }

func config(weight int64, try bool) line.Config {
	return line.Config{Primitive: "line", Name: "q", Root: root, Rule: weights{}, Weight: weight, Marks: true, Try: try}
}

// inBubble runs body in fake time, with as many sessions as it asks for, on the pure contract.
func inBubble(t *testing.T, body func(t *testing.T, st kv.Storage, open func(kv.Storage) *session.Session)) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		t.Cleanup(func() { require.NoError(t, store.Close()) })
		body(t, kvtest.Hide(store), func(st kv.Storage) *session.Session {
			s := session.New(st, nil)
			t.Cleanup(func() { require.NoError(t, s.Close(context.Background())) })
			return s
		})
	})
}

func join(t *testing.T, s *session.Session, weight int64) *line.Place {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	p, err := line.Join(ctx, s, config(weight, false))
	require.NoError(t, err)
	return p
}

// before returns st with hook called once before the nth call of op.
func before(st kv.Storage, op string, nth int64, hook func()) kv.Storage {
	var n atomic.Int64
	return intercept.Wrap(st, func(ctx context.Context, c intercept.Call, do func(context.Context) error) error {
		if c.Op == op && n.Add(1) == nth {
			hook()
		}
		return do(ctx)
	})
}

func TestRuleIsAskedInAnEmptyLineAndItsErrorLeavesNothingBehind(t *testing.T) {
	for _, wrap := range []func(kv.Storage) kv.Storage{func(s kv.Storage) kv.Storage { return s }, kvtest.Hide} {
		bubble.Test(t, func(t *testing.T) {
			store := memory.New(nil)
			defer store.Close()
			s := session.New(wrap(store), nil)
			_, err := line.Join(t.Context(), s, config(3, false))
			require.ErrorIs(t, err, errTooHeavy)
			entries, err := line.Read(t.Context(), store, root)
			require.NoError(t, err)
			require.Empty(t, entries)
			require.NoError(t, s.Close(t.Context()))
		})
	}
}

func TestOneReadTellsThatOthersAreNotInTheWay(t *testing.T) {
	inBubble(t, func(t *testing.T, st kv.Storage, open func(kv.Storage) *session.Session) {
		join(t, open(st), 1)
		counted := count.New(st)
		s := open(counted)
		require.NoError(t, s.Ready(t.Context()))
		counted.Reset()
		join(t, s, 1)
		require.Equal(t, 2, counted.Reset(), "the create, and one read")
	})
}

// Whoever joined while this one stood outside may wait for its mark, also if it never saw anybody in its own way.
func TestWhoIsLetInAtTheFirstLookIsMarkedForThoseBehind(t *testing.T) {
	for _, try := range []bool{false, true} {
		inBubble(t, func(t *testing.T, st kv.Storage, open func(kv.Storage) *session.Session) {
			var holder *line.Place
			behind := make(chan *line.Place, 1)
			reads := int64(1)
			way := st
			if try {
				reads = 2
				way = before(way, intercept.OpCreate, 1, func() { holder = join(t, open(st), 2) }) // after the try has seen nobody
			} else {
				holder = join(t, open(st), 2)
			}
			way = before(way, intercept.OpGetRange, reads, func() {
				go func() { behind <- join(t, open(st), 1) }()
				synctest.Wait() // it waits for the one before it, who stands outside still
				require.NoError(t, holder.Leave(t.Context()))
				synctest.Wait()
			})
			_, err := line.Join(t.Context(), open(way), config(1, try))
			require.NoError(t, err)
			synctest.Wait()
			require.Len(t, behind, 1, "try: %v", try)
		})
	}
}
