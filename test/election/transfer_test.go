package election

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/kv/fault"
	"github.com/coordkit/coord/kv/intercept"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/worlds"
)

func TestTransfer(t *testing.T) {
	onEach(t, []testCase{
		{"the candidate named is next, and those passed over keep their places", transferPassesOver},
		{"an unknown candidate is an error, and the term goes on", transferToNobody},
		{"an heir that goes before it is elected is passed over", heirGoes},
		{"the candidate named last is next", namedTwice},
		{"a leader that dies as it has named the next is followed by it", leaderDiesAfterNaming},
	})
}

// several are n candidates that stand behind a leader.
func (w *world) several(t *testing.T, n int) (st kv.Storage, term *election.Term, cs []<-chan result) {
	st = w.Process(t)
	term = campaign(t, w.candidate(t, "leads"))
	for i := range n {
		cs = append(cs, campaignAsync(context.Background(), w.candidate(t, fmt.Sprint(i))))
		w.untilStand(t, st, i+1)
	}
	return st, term, cs
}

func transferPassesOver(t *testing.T, w *world) {
	for _, n := range []int{3, 24} { // seen through a view, where there is one, and not
		t.Log(n, "candidates")
		st, term, cs := w.several(t, n)
		require.NoError(t, term.Transfer(t.Context(), fmt.Sprint(n-1)))
		require.ErrorIs(t, term.Err(), session.ErrReleased)
		next := elected(t, cs[n-1])
		require.Equal(t, term.Number()+1, next.Number())
		require.Greater(t, next.Token(), term.Token())
		late := campaignAsync(context.Background(), w.candidate(t, "late"))
		w.untilStand(t, st, n)
		require.NoError(t, next.Transfer(t.Context(), "1"))
		next = elected(t, cs[1])
		for i := range n - 1 {
			if i == 1 {
				continue
			}
			before := next
			resign(t, before)
			next = elected(t, cs[i])
			require.Equal(t, before.Number()+1, next.Number())
			require.Greater(t, next.Token(), before.Token(), "though it joined before the last leader")
		}
		require.Empty(t, late, "who came later went past those passed over")
		resign(t, next)
		resign(t, elected(t, late))
	}
}

func transferToNobody(t *testing.T, w *world) {
	_, term, cs := w.several(t, 1)
	require.ErrorIs(t, term.Transfer(t.Context(), "nobody"), election.ErrNoCandidate)
	require.ErrorIs(t, term.Transfer(t.Context(), "leads"), election.ErrNoCandidate, "it leads, and does not stand")
	require.ErrorIs(t, term.Transfer(worlds.Ended(), "0"), context.Canceled)
	require.NoError(t, term.Check(t.Context()))
	require.Empty(t, cs[0])
	resign(t, term)
	next := elected(t, cs[0])
	resign(t, next)
	require.ErrorIs(t, next.Transfer(t.Context(), "0"), session.ErrReleased)
}

func heirGoes(t *testing.T, w *world) {
	st, term, cs := w.several(t, 2)
	ctx, cancel := context.WithCancel(context.Background())
	heir := campaignAsync(ctx, w.candidate(t, "heir"))
	w.untilStand(t, st, 3)
	mark(t, st, term, "heir")
	require.Equal(t, []string{"heir", "0", "1"}, ids(inspect(t, st).Candidates))
	cancel()
	require.Error(t, worlds.Await(t, heir).err)
	resign(t, term)
	next := elected(t, cs[0])
	resign(t, next)
	resign(t, elected(t, cs[1]))
}

// mark is what a Transfer writes that comes no further.
func mark(t *testing.T, st kv.Storage, term *election.Term, id string) {
	t.Helper()
	for _, c := range inspect(t, st).Candidates {
		if c.ID != id {
			continue
		}
		r, err := st.Get(t.Context(), c.Key)
		require.NoError(t, err)
		heir := fmt.Sprintf(`{"heir":%d,"created":%d,`, term.Token(), c.Token)
		r.Value = append([]byte(heir), r.Value[1:]...)
		_, err = st.CasByVersion(t.Context(), r)
		require.NoError(t, err)
		return
	}
	require.FailNow(t, "no such candidate", id)
}

func namedTwice(t *testing.T, w *world) {
	st, term, cs := w.several(t, 4)
	mark(t, st, term, "2")
	require.NoError(t, term.Transfer(t.Context(), "3"))
	next := elected(t, cs[3])
	for _, i := range []int{0, 1, 2} { // the choice was for one term
		resign(t, next)
		next = elected(t, cs[i])
	}
	resign(t, next)
}

func leaderDiesAfterNaming(t *testing.T, w *world) {
	st, term, cs := w.several(t, 4)
	mark(t, st, term, "3")
	if w.Fake {
		synctest.Wait()
	}
	require.NoError(t, st.Delete(t.Context(), term.Key()))
	next := elected(t, cs[3])
	for _, i := range []int{0, 1, 2} {
		resign(t, next)
		next = elected(t, cs[i])
	}
	resign(t, next)
}

// A choice may land when the leader that made it has gone, and be void a moment later, because the write of a candidate that had seen that,
// and has gone too, lands as well. Who has seen the choice, and the chosen one who has seen it void, must not wait for each other.
func TestVoidChoiceLeavesNobodyWaiting(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		t.Cleanup(func() { require.NoError(t, store.Close()) }) // after its sessions
		st := hide(store)
		stand := func(id string, behind int) (way *fault.Storage, c <-chan result) {
			way = fault.New(hide(store.Connect()), 1, fault.Faults{})
			t.Cleanup(func() { require.NoError(t, way.Close()) })
			c = campaignAsync(context.Background(), election.New(worlds.Session(t, way), name(t), &election.Options{ID: id}))
			(&world{&worlds.World{Fake: true}}).untilStand(t, st, behind)
			return way, c
		}
		term := campaign(t, election.New(worlds.Session(t, st), name(t), nil))
		first, elder := stand("elder", 1)
		second, heir := stand("heir", 2)
		takes := func(way *fault.Storage, d time.Duration) { way.Set(fault.Faults{DelayAtLeast: d, DelayAtMost: d}) }
		takes(first, 2*time.Second)
		takes(second, 3*time.Second)
		require.NoError(t, st.Delete(t.Context(), term.Key()))
		time.Sleep(time.Second)
		mark(t, st, term, "heir") // which looks 3 s later; the elder a second later
		time.Sleep(1500 * time.Millisecond)
		first.Heal()
		second.Heal()
		r, err := st.Get(t.Context(), termKey(term))
		require.NoError(t, err)
		r.Value = []byte(`{"format":1,"number":2,"key":"gone","entry":1,"leader":"gone"}`)
		_, err = st.CasByVersion(t.Context(), r)
		require.NoError(t, err)
		next := elected(t, elder)
		require.EqualValues(t, 3, next.Number())
		resign(t, next)
		resign(t, elected(t, heir))
	})
}

func TestCallsOfATransfer(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		t.Cleanup(func() { require.NoError(t, store.Close()) }) // after its sessions
		st := count.New(hide(store))
		w := &world{&worlds.World{Fake: true, Open: func(*testing.T) (kv.Storage, func()) { return st, nil }}}
		_, term, cs := w.several(t, 24)
		time.Sleep(time.Minute)
		st.Reset()
		require.NoError(t, term.Transfer(t.Context(), "23"))
		next := elected(t, cs[23])
		synctest.Wait()
		reads, all := st.Of(intercept.OpGetRange), st.Total()
		t.Logf("%d calls, %d reads of the line", all, reads)
		require.LessOrEqual(t, reads, 6, "the leader's, two of the heir, two of the one in front")
		require.LessOrEqual(t, all, 20, "a transfer among 24 leaves the rest alone")
		resign(t, next)
		for _, c := range cs[:23] {
			resign(t, elected(t, c))
		}
	})
}
