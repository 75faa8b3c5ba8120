package fence_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/fence"
)

// lost is one case of a write whose answer was lost. The write adds "+mine" under token 5. first is what happens to it; do is
// the write.
type lost struct {
	name  string
	first func(t *testing.T, st kv.Storage, do func() (kv.Version, error))
	// what must have come of it
	err    error
	value  string
	token  kv.Version
	writes int64 // of Update's: sent again or not
}

func others(t *testing.T, st kv.Storage, token kv.Version, n int) {
	for i := range n {
		update(t, st, token, and(fmt.Sprintf("+%d", i)))
	}
}

func land(t *testing.T, do func() (kv.Version, error)) {
	_, err := do()
	require.NoError(t, err)
}

// From a record that is there, and from none.
var lostCases = []lost{
	{"the answer was lost", func(t *testing.T, _ kv.Storage, do func() (kv.Version, error)) {
		land(t, do)
	}, nil, "+mine", 5, 1},
	{"the request was lost", func(*testing.T, kv.Storage, func() (kv.Version, error)) {}, nil, "+mine", 5, 2},
	{"it was overwritten with the same token", func(t *testing.T, st kv.Storage, do func() (kv.Version, error)) {
		land(t, do)
		others(t, st, 5, 1)
	}, nil, "+mine+0", 5, 1},
	{"it was overwritten 8 times", func(t *testing.T, st kv.Storage, do func() (kv.Version, error)) {
		land(t, do)
		others(t, st, 5, 8)
	}, nil, "+mine+0+1+2+3+4+5+6+7", 5, 1},
	{"it was overwritten with a higher token", func(t *testing.T, st kv.Storage, do func() (kv.Version, error)) {
		land(t, do)
		others(t, st, 9, 2)
	}, nil, "+mine+0+1", 9, 1},
	{"another came instead, with the same token", func(t *testing.T, st kv.Storage, _ func() (kv.Version, error)) {
		others(t, st, 5, 7)
	}, nil, "+0+1+2+3+4+5+6+mine", 5, 2},
	{"another came instead, with a higher token", func(t *testing.T, st kv.Storage, _ func() (kv.Version, error)) {
		others(t, st, 9, 2)
	}, fence.ErrStale, "+0+1", 9, 1},
	{"it was overwritten too often", func(t *testing.T, st kv.Storage, do func() (kv.Version, error)) {
		land(t, do)
		others(t, st, 5, 9)
	}, kv.ErrUncertain, "+mine+0+1+2+3+4+5+6+7+8", 5, 1},
	{"others came instead, too many", func(t *testing.T, st kv.Storage, _ func() (kv.Version, error)) {
		others(t, st, 9, 9)
	}, kv.ErrUncertain, "+0+1+2+3+4+5+6+7+8", 9, 1},
}

func TestLostAnswerIsFoundOutAndNothingWrittenTwice(t *testing.T) {
	for _, start := range []string{"", "old"} {
		for _, c := range lostCases {
			t.Run(fmt.Sprintf("%q, %s", start, c.name), func(t *testing.T) {
				inBubble(t, func(t *testing.T, st *memory.Storage) {
					if start != "" {
						update(t, st, 4, to(start))
					}
					var mine kv.Version // of the one write that took effect
					w := &way{Storage: st, onWrite: func(n int, send func() (kv.Version, error)) (kv.Version, error) {
						do := func() (kv.Version, error) {
							v, err := send()
							mine = max(mine, v)
							return v, err
						}
						if n > 0 {
							return do()
						}
						c.first(t, st, do)
						return 0, errUncertain
					}}
					v, err := fence.Update(t.Context(), w, key, 5, and("+mine"))
					requireRecord(t, st, start+c.value, c.token)
					require.Equal(t, c.writes, w.writes.Load(), "writes of Update")
					if c.err != nil {
						require.ErrorIs(t, err, c.err)
						require.Zero(t, v)
						return
					}
					require.NoError(t, err)
					require.Equal(t, mine, v, "the version of the write")
				})
			})
		}
	}
}

func TestWriteThatLandsBetweenReadAndRepetitionTakesEffectOnce(t *testing.T) {
	for _, start := range []string{"", "old"} {
		inBubble(t, func(t *testing.T, st *memory.Storage) {
			if start != "" {
				update(t, st, 5, to(start))
			}
			var first func() (kv.Version, error)
			w := &way{Storage: st, onWrite: func(n int, do func() (kv.Version, error)) (kv.Version, error) {
				if n == 0 {
					first = do
					return 0, errUncertain
				}
				land(t, first) // it was on its way, and arrives before its copy
				return do()
			}}
			v, err := fence.Update(t.Context(), w, key, 5, and("+mine"))
			require.NoError(t, err)
			require.Equal(t, get(t, st).Version, v)
			requireRecord(t, st, start+"+mine", 5)
		})
	}
}

func TestCopyThatLandsAfterUpdateHasReturnedHitsNothing(t *testing.T) {
	for _, start := range []string{"", "old"} {
		inBubble(t, func(t *testing.T, st *memory.Storage) {
			if start != "" {
				update(t, st, 5, to(start))
			}
			var first func() (kv.Version, error)
			w := &way{Storage: st, onWrite: func(n int, do func() (kv.Version, error)) (kv.Version, error) {
				if n == 0 {
					first = do
					return 0, errUncertain
				}
				return do()
			}}
			update(t, w, 5, and("+mine"))
			update(t, st, 9, and("+next"))
			_, err := first()
			require.Error(t, err)
			requireRecord(t, st, start+"+mine+next", 9)
		})
	}
}

func TestUpdateSearchesOnWhileTheStoreIsAway(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		update(t, st, 5, to("old"))
		back := time.Now().Add(time.Minute)
		away := func() error {
			if time.Now().Before(back) {
				return errUnavailable
			}
			return nil
		}
		var w *way
		w = &way{Storage: st, onWrite: func(n int, do func() (kv.Version, error)) (kv.Version, error) {
			if n > 0 {
				return do()
			}
			w.onGet = away
			land(t, do)
			return 0, errUncertain
		}}
		v := update(t, w, 5, and("+mine"))
		require.Equal(t, get(t, st).Version, v)
		require.GreaterOrEqual(t, time.Until(back), -2*time.Second, "it comes back soon after the store")
		require.Less(t, w.gets.Load(), int64(150), "it backs off")
		requireRecord(t, st, "old+mine", 5)
	})
}

func TestSearchThatEndsWithoutAResultIsUncertain(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		lose := func(_ int, do func() (kv.Version, error)) (kv.Version, error) { return 0, errUncertain }
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := fence.Update(ctx, &way{Storage: st, onWrite: lose}, key, 5, to("x"))
		require.ErrorIs(t, err, kv.ErrUncertain)
		require.ErrorIs(t, err, context.DeadlineExceeded, "ctx ended")

		update(t, st, 5, to("old"))
		w := &way{Storage: st, onWrite: func(_ int, do func() (kv.Version, error)) (kv.Version, error) {
			land(t, do)
			require.NoError(t, st.Delete(t.Context(), key))
			return 0, errUncertain
		}}
		_, err = fence.Update(t.Context(), w, key, 5, to("x"))
		require.ErrorIs(t, err, kv.ErrUncertain, "the record was deleted")

		update(t, st, 5, to("old"))
		w = &way{Storage: st, onWrite: func(_ int, do func() (kv.Version, error)) (kv.Version, error) {
			land(t, do)
			require.NoError(t, st.Close())
			return 0, errUncertain
		}}
		_, err = fence.Update(t.Context(), w, key, 5, to("x"))
		require.ErrorIs(t, err, kv.ErrUncertain, "the store was closed")
		require.ErrorIs(t, err, kv.ErrClosed)
	})
}

func TestUnavailableStoreIsToldAtOnceIfNothingWasSent(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		st.SetConnected(false)
		_, err := fence.Update(t.Context(), st, key, 5, never)
		require.ErrorIs(t, err, kv.ErrUnavailable)
		require.NotErrorIs(t, err, kv.ErrUncertain)
		st.SetConnected(true)

		w := &way{Storage: st, onWrite: func(int, func() (kv.Version, error)) (kv.Version, error) { return 0, errUnavailable }}
		_, err = fence.Update(t.Context(), w, key, 5, to("x"))
		require.ErrorIs(t, err, kv.ErrUnavailable)
		require.NotErrorIs(t, err, kv.ErrUncertain)
		require.Equal(t, int64(1), w.writes.Load())
	})
}
