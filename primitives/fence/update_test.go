package fence_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/fence"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

func TestUpdateCreatesAnAbsentRecord(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		v := update(t, st, 5, func(old kv.Value) (kv.Value, error) {
			require.Nil(t, old)
			return kv.Value("one"), nil
		})
		requireRecord(t, st, "one", 5)
		require.Equal(t, v, get(t, st).Version, "the version of the write")
		require.Equal(t, kv.LeaseId(kv.NoLeaseId), get(t, st).Lease)
	})
}

func TestUpdateRefusesLowerTokensOnly(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		update(t, st, 5, and("a"))
		update(t, st, 5, and("b")) // the same holder writes many times
		update(t, st, 9, and("c")) // the next one is admitted
		before := get(t, st)
		_, err := fence.Update(t.Context(), st, key, 8, never)
		require.ErrorIs(t, err, fence.ErrStale)
		var stale *fence.StaleError
		require.ErrorAs(t, err, &stale)
		require.Equal(t, fence.StaleError{Token: 8, Highest: 9}, *stale)
		require.Equal(t, `fenced update "app/report": stale fencing token 8: 9 has been seen`, err.Error())
		require.Equal(t, before, get(t, st), "nothing was written")
		requireRecord(t, st, "abc", 9)
	})
}

// etcd's demonstration of fencing compares with != and so refuses the rightful next holder as soon as the old one has written.
func TestNextHolderIsAdmittedAfterTheOldOneHasWritten(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		var g fence.Gate
		write := func(token kv.Version, what string) error {
			_, err := fence.Update(t.Context(), st, key, token, to(what))
			require.Equal(t, g.Admit(token) == nil, err == nil, "the gate and the record agree")
			return err
		}
		var tokens []kv.Version
		for range 2 {
			s := session.New(st, nil)
			require.NoError(t, mutex.New(s, "report", nil).Do(t.Context(), func(_ context.Context, h *mutex.Held) error {
				tokens = append(tokens, h.Token())
				return nil
			}))
			require.NoError(t, s.Close(t.Context()))
		}
		require.NoError(t, write(tokens[0], "first"), "the old holder")
		require.NoError(t, write(tokens[1], "second"), "the rightful next holder")
		require.NoError(t, write(tokens[1], "third"), "again")
		require.ErrorIs(t, write(tokens[0], "late"), fence.ErrStale, "the old holder, late")
		requireRecord(t, st, "third", tokens[1])
	})
}

func TestErrorOfFIsReturnedAndNothingWritten(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		broken := errors.New("no such account")
		_, err := fence.Update(t.Context(), st, key, 5, func(kv.Value) (kv.Value, error) { return kv.Value("x"), broken })
		require.Equal(t, broken, err)
		_, _, err = fence.Read(t.Context(), st, key)
		require.ErrorIs(t, err, kv.ErrNotFound)
	})
}

func TestFRunsAnewOnWhatOthersWroteMeanwhile(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		var seen []string
		update(t, st, 5, func(old kv.Value) (kv.Value, error) {
			seen = append(seen, string(old))
			switch len(seen) {
			case 1:
				update(t, st, 5, and("a")) // creates the record that was absent
			case 2:
				update(t, st, 5, and("b")) // changes it
			case 3:
				require.NoError(t, st.Delete(t.Context(), key))
			}
			return append(old, 'z'), nil
		})
		require.Equal(t, []string{"", "a", "ab", ""}, seen)
		requireRecord(t, st, "z", 5)
	})
}

func TestHigherTokenThatComesBetweenReadAndWriteWins(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		update(t, st, 5, to("old"))
		_, err := fence.Update(t.Context(), st, key, 5, func(kv.Value) (kv.Value, error) { // paused here
			update(t, st, 9, to("new"))
			return kv.Value("late"), nil
		})
		require.ErrorIs(t, err, fence.ErrStale)
		requireRecord(t, st, "new", 9)
	})
}

func TestAnnouncingATokenShutsTheOldHolderOut(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		update(t, st, 5, to("balance 10"))
		var found string
		update(t, st, 9, func(old kv.Value) (kv.Value, error) { found = string(old); return old, nil })
		require.Equal(t, "balance 10", found)
		_, err := fence.Update(t.Context(), st, key, 5, never)
		require.ErrorIs(t, err, fence.ErrStale)
		requireRecord(t, st, "balance 10", 9)
	})
}

func TestUpdateRetriesUntilItsCtxEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		update(t, st, 5, to("one"))
		w := &way{Storage: st, onWrite: func(int, func() (kv.Version, error)) (kv.Version, error) { return 0, kv.ErrWrongVersion }}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		v, err := fence.Update(ctx, w, key, 5, to("two"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, kv.ErrUncertain)
		require.Zero(t, v)
		require.Less(t, w.writes.Load(), int64(150), "it backs off")
		requireRecord(t, st, "one", 5)
	})
}

func TestFreeUpdateIsOneReadAndOneWrite(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		w := &way{Storage: st}
		for i := range int64(3) {
			update(t, w, 5, and("a"))
			require.Equal(t, []int64{i + 1, i + 1}, []int64{w.gets.Load(), w.writes.Load()}, "gets and writes of %d calls", i+1)
		}
	})
}

func TestRecordKeepsItsLease(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		update(t, st, 5, to("one"))
		l, err := st.Lessor().NewLease(t.Context(), time.Minute, false)
		require.NoError(t, err)
		bound := get(t, st)
		require.NoError(t, st.Delete(t.Context(), key))
		_, err = st.Create(t.Context(), kv.Record{Key: key, Value: bound.Value, Lease: l.Id()})
		require.NoError(t, err)
		update(t, st, 6, to("two"))
		require.Equal(t, l.Id(), get(t, st).Lease)
	})
}

func TestUpdateAndReadSayWhatIsInvalid(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		for _, token := range []kv.Version{0, -1} {
			_, err := fence.Update(t.Context(), st, key, token, never)
			require.ErrorIs(t, err, kv.ErrInvalid, "token %d", token)
		}
		var none context.Context
		_, err := fence.Update(none, st, key, 5, never)
		require.ErrorIs(t, err, kv.ErrInvalid, "nil ctx")
		_, err = fence.Update(t.Context(), nil, key, 5, never)
		require.ErrorIs(t, err, kv.ErrInvalid, "no storage")
		_, err = fence.Update(t.Context(), st, key, 5, nil)
		require.ErrorIs(t, err, kv.ErrInvalid, "nil f")
		_, err = fence.Update(t.Context(), st, "", 5, to(""))
		require.ErrorIs(t, err, kv.ErrInvalid, "empty key")
		_, _, err = fence.Read(t.Context(), nil, key)
		require.ErrorIs(t, err, kv.ErrInvalid, "Read without storage")
		_, _, err = fence.Read(t.Context(), st, "")
		require.ErrorIs(t, err, kv.ErrInvalid, "Read of an empty key")

		_, err = fence.Update(t.Context(), st, key, 5, to(strings.Repeat("x", kv.MaxValueLen)))
		require.ErrorIs(t, err, kv.ErrTooLarge)
		_, err = st.Get(t.Context(), key)
		require.ErrorIs(t, err, kv.ErrNotFound, "nothing was written")
	})
}

func TestEveryErrorIsAnOpError(t *testing.T) {
	inBubble(t, func(t *testing.T, st *memory.Storage) {
		check := func(err error) {
			t.Helper()
			var op *kv.OpError
			require.ErrorAs(t, err, &op)
			require.Equal(t, key, op.Key)
		}
		_, _, err := fence.Read(t.Context(), st, key)
		check(err)
		update(t, st, 5, to("one"))
		_, err = fence.Update(t.Context(), st, key, 4, never)
		check(err)
		_, err = fence.Update(t.Context(), st, key, 0, never)
		check(err)
		require.NoError(t, st.Close())
		_, err = fence.Update(t.Context(), st, key, 5, never)
		require.ErrorIs(t, err, kv.ErrClosed)
		check(err)
	})
}
