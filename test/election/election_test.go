package election

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/worlds"
)

func TestElection(t *testing.T) {
	onEach(t, []testCase{
		{"one leads at a time, in order of joining, under numbers from 1 and growing tokens", leadInTurn},
		{"a proclaimed value is shown, and only by a term that lasts", proclaims},
		{"a proclamation never overwrites the record of another term", proclaimsOverNobody},
		{"resign is idempotent, takes an ended ctx and hits no later term", resignIsIdempotent},
		{"a campaign that ends with its ctx leaves nothing and blocks nobody", cancelledCampaignGoes},
		{"a dead leader's term passes on when its lease is over", deadLeaderPassesOn},
		{"closing the session hands over at once", closeHandsOver},
		{"a candidate whose lease is gone stops waiting and never leads", candidateLearnsOfItsLease},
		{"a candidate whose entry is gone stops waiting and never leads", candidateLearnsOfItsEntry},
		{"a leader whose lease is revoked is told, and its session heals", leaderLearnsOfItsLease},
		{"a leader whose entry is deleted is told, and its resign harms nobody", leaderLearnsOfItsEntry},
		{"priority goes before joining and takes nothing from who leads", priorityGoesFirst},
		{"break hits the term meant and nobody else", breakHitsLeader},
		{"leader, inspect, list and candidates tell the same", inspectTells},
		{"a term record that cannot be read is an error, and mended by hand the election goes on", brokenRecord},
		{"fields of the term record that are unknown here are kept", unknownFieldsStay},
		{"an entry that cannot be read stands in the line and is shown", brokenEntry},
		{"a record beside the candidates is in nobody's way", strangeRecord},
		{"any value within the bounds can be proclaimed", anyValue},
		{"what is out of bounds is invalid from every use", outOfBounds},
		{"a closed session refuses", closedSessionRefuses},
	})
}

func leadInTurn(t *testing.T, w *world) {
	st := w.Process(t)
	term := campaign(t, w.candidate(t, "0"))
	require.EqualValues(t, 1, term.Number())
	var waiting []<-chan result
	for i := range 4 {
		waiting = append(waiting, campaignAsync(context.Background(), w.candidate(t, string(rune('1'+i)))))
		w.untilStand(t, st, i+1)
	}
	for i, c := range waiting {
		for j := i + 1; j < len(waiting); j++ {
			require.Empty(t, waiting[j], "candidate %d was elected before %d", j, i)
		}
		before := term
		resign(t, before)
		term = elected(t, c)
		require.ErrorIs(t, before.Err(), session.ErrReleased)
		require.Equal(t, before.Number()+1, term.Number())
		require.Greater(t, term.Token(), before.Token())
	}
	resign(t, term)
	info := inspect(t, st)
	require.Empty(t, info.Candidates)
	require.Equal(t, election.LeaderInfo{Vacant: true, Number: 5}, info.Leader)
}

func proclaims(t *testing.T, w *world) {
	st := w.Process(t)
	term := campaign(t, election.New(w.Session(t), name(t), &election.Options{ID: "a", Value: []byte("first")}))
	leader, err := election.Leader(t.Context(), st, name(t))
	require.NoError(t, err)
	require.Equal(t, "first", string(leader.Value))
	require.NoError(t, term.Proclaim(t.Context(), []byte("second")))
	leader, err = election.Leader(t.Context(), st, name(t))
	require.NoError(t, err)
	require.Equal(t, "second", string(leader.Value))
	require.Equal(t, term.Token(), leader.Token, "a proclamation leaves the token")
	require.ErrorIs(t, term.Proclaim(worlds.Ended(), []byte("third")), context.Canceled)
	resign(t, term)
	require.ErrorIs(t, term.Proclaim(t.Context(), []byte("fourth")), session.ErrReleased)
	_, err = election.Leader(t.Context(), st, name(t))
	require.ErrorIs(t, err, election.ErrNoLeader)
}

// termKey is where the term's record is: beside the folder of the entries.
func termKey(term *election.Term) kv.Key {
	root, _, _ := strings.Cut(string(term.Key()), "/c/")
	return kv.Key(root + "/term")
}

func proclaimsOverNobody(t *testing.T, w *world) {
	st := w.Process(t)
	term := campaign(t, w.candidate(t, "old"))
	// Another term, that this leader knows nothing of yet.
	r, err := st.Get(t.Context(), termKey(term))
	require.NoError(t, err)
	r.Value = []byte(`{"format":1,"number":7,"token":9,"key":"k","entry":8,"leader":"new"}`)
	_, err = st.CasByVersion(t.Context(), r)
	require.NoError(t, err)
	require.ErrorIs(t, term.Proclaim(t.Context(), []byte("late")), election.ErrLost)
	w.awaitDone(t, term, time.Second)
	now, err := st.Get(t.Context(), termKey(term))
	require.NoError(t, err)
	require.Equal(t, string(r.Value), string(now.Value))
	w.Until(t, func() bool { // an entry that leads no more stands in nobody's way
		_, err := st.Get(t.Context(), term.Key())
		return err != nil
	})
	require.ErrorIs(t, term.Resign(t.Context()), election.ErrLost)
	next := campaign(t, w.candidate(t, "next"))
	require.EqualValues(t, 8, next.Number())
	resign(t, next)
}

func resignIsIdempotent(t *testing.T, w *world) {
	e := w.candidate(t, "a")
	term := campaign(t, e)
	require.NoError(t, term.Resign(worlds.Ended()))
	require.NoError(t, term.Resign(t.Context()))
	require.Zero(t, term.ValidFor())
	next := campaign(t, e)
	require.NoError(t, term.Resign(t.Context()), "a repeat must not hit the next term")
	require.NoError(t, next.Check(t.Context()))
	resign(t, next)
}

func cancelledCampaignGoes(t *testing.T, w *world) {
	st := w.Process(t)
	_, err := w.candidate(t, "none").Campaign(worlds.Ended())
	require.ErrorIs(t, err, context.Canceled)
	term := campaign(t, w.candidate(t, "leads"))
	ctx, cancel := context.WithCancel(context.Background())
	gives := campaignAsync(ctx, w.candidate(t, "gives"))
	w.untilStand(t, st, 1)
	stays := campaignAsync(context.Background(), w.candidate(t, "stays"))
	w.untilStand(t, st, 2)
	cancel()
	require.ErrorIs(t, worlds.Await(t, gives).err, context.Canceled)
	w.untilStand(t, st, 1)
	require.Empty(t, stays, "the candidate behind went past the leader")
	resign(t, term)
	resign(t, elected(t, stays))
	require.Empty(t, inspect(t, st).Candidates)
}

func deadLeaderPassesOn(t *testing.T, w *world) {
	st := w.Process(t)
	dying, kill := w.Open(t)
	term := campaign(t, election.New(worlds.Session(t, dying), name(t), nil))
	next := campaignAsync(context.Background(), w.candidate(t, "next"))
	w.untilStand(t, st, 1)
	start := time.Now()
	kill() // renews no more, releases nothing
	after := elected(t, next)
	require.LessOrEqual(t, time.Since(start), ttl+500*time.Millisecond+w.Leeway())
	require.ErrorIs(t, term.Err(), election.ErrLost, "the dead leader's term was over before the next one began")
	require.EqualValues(t, 2, after.Number())
	resign(t, after)
}

func closeHandsOver(t *testing.T, w *world) {
	st := w.Process(t)
	s := w.Session(t)
	term := campaign(t, election.New(s, name(t), nil))
	next := campaignAsync(context.Background(), w.candidate(t, "next"))
	w.untilStand(t, st, 1)
	require.NoError(t, s.Close(t.Context()))
	require.ErrorIs(t, term.Err(), session.ErrReleased)
	require.NoError(t, term.Resign(t.Context()))
	resign(t, elected(t, next))
}

func candidateLearnsOfItsLease(t *testing.T, w *world) {
	st := w.Process(t)
	term := campaign(t, w.candidate(t, "leads"))
	s := w.Session(t)
	c := campaignAsync(context.Background(), election.New(s, name(t), nil))
	w.untilStand(t, st, 1)
	worlds.Revoke(t, st, s.LeaseID())
	require.ErrorIs(t, worlds.Await(t, c).err, election.ErrLost)
	require.NoError(t, term.Err(), "the leader is not concerned")
	resign(t, term)
	require.True(t, inspect(t, st).Leader.Vacant)
}

func candidateLearnsOfItsEntry(t *testing.T, w *world) {
	st := w.Process(t)
	term := campaign(t, w.candidate(t, "leads"))
	c := campaignAsync(context.Background(), w.candidate(t, "waits"))
	w.untilStand(t, st, 1)
	start := time.Now()
	require.NoError(t, st.Delete(t.Context(), inspect(t, st).Candidates[0].Key))
	require.ErrorIs(t, worlds.Await(t, c).err, election.ErrLost)
	require.LessOrEqual(t, time.Since(start), 3*time.Second, "a second, and slack")
	resign(t, term)
	require.True(t, inspect(t, st).Leader.Vacant)
	require.EqualValues(t, 1, inspect(t, st).Leader.Number)
}

func leaderLearnsOfItsLease(t *testing.T, w *world) {
	st := w.Process(t)
	s := w.Session(t)
	e := election.New(s, name(t), nil)
	term := campaign(t, e)
	old := s.LeaseID()
	worlds.Revoke(t, st, old)
	w.awaitDone(t, term, ttl)
	require.ErrorIs(t, term.Err(), election.ErrLost)
	require.ErrorIs(t, term.Proclaim(t.Context(), nil), election.ErrLost)
	require.ErrorIs(t, term.Transfer(t.Context(), "x"), election.ErrLost)
	require.ErrorIs(t, term.Resign(t.Context()), election.ErrLost)
	term = campaign(t, e)
	require.NotEqual(t, old, term.Lease())
	resign(t, term)
}

func leaderLearnsOfItsEntry(t *testing.T, w *world) {
	st := w.Process(t)
	term := campaign(t, w.candidate(t, "leads"))
	next := campaignAsync(context.Background(), w.candidate(t, "next"))
	w.untilStand(t, st, 1)
	require.NoError(t, st.Delete(t.Context(), term.Key()))
	after := elected(t, next)
	w.awaitDone(t, term, 3*time.Second)
	require.ErrorIs(t, term.Err(), election.ErrLost)
	require.Zero(t, term.ValidFor())
	require.ErrorIs(t, term.Resign(t.Context()), election.ErrLost)
	require.NoError(t, after.Check(t.Context()))
	resign(t, after)
}

func priorityGoesFirst(t *testing.T, w *world) {
	st := w.Process(t)
	term := campaign(t, w.candidate(t, "leads"))
	var cs []<-chan result
	for i, p := range []int{0, 5, 5, -1, 9} {
		e := election.New(w.Session(t), name(t), &election.Options{ID: string(rune('a' + i)), Priority: p})
		cs = append(cs, campaignAsync(context.Background(), e))
		w.untilStand(t, st, i+1)
	}
	require.NoError(t, term.Check(t.Context()), "who leads goes on")
	require.Equal(t, []string{"e", "b", "c", "a", "d"}, ids(inspect(t, st).Candidates))
	for i, c := range []<-chan result{cs[4], cs[1], cs[2], cs[0], cs[3]} {
		resign(t, term)
		before := term
		term = elected(t, c)
		require.EqualValues(t, i+2, term.Number())
		require.Greater(t, term.Token(), before.Token(), "also if it joined before the last leader")
	}
	resign(t, term)
}

func breakHitsLeader(t *testing.T, w *world) {
	st := w.Process(t)
	require.ErrorIs(t, election.Break(t.Context(), st, name(t), 1), election.ErrNotLeading)
	term := campaign(t, w.candidate(t, "leads"))
	next := campaignAsync(context.Background(), w.candidate(t, "next"))
	w.untilStand(t, st, 1)
	require.ErrorIs(t, election.Break(t.Context(), st, name(t), term.Token()+1), election.ErrNotLeading)
	require.NoError(t, election.Break(t.Context(), st, name(t), term.Token()))
	after := elected(t, next)
	w.awaitDone(t, term, 3*time.Second)
	require.ErrorIs(t, term.Err(), election.ErrLost)
	require.ErrorIs(t, election.Break(t.Context(), st, name(t), term.Token()), election.ErrNotLeading)
	require.NoError(t, after.Check(t.Context()))

	broken := make(chan error, 1)
	go func() { broken <- election.Break(context.Background(), st, name(t), after.Token()) }()
	if !w.Fake {
		time.Sleep(100 * time.Millisecond) // let Break read first; in any order the answer is the same
	}
	resign(t, after)
	require.ErrorIs(t, <-broken, election.ErrNotLeading)
}
