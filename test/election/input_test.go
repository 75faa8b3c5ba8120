package election

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/test/internal/worlds"
)

// What stands in records that nobody of ours has written, and what callers give that is out of bounds.

func inspectTells(t *testing.T, w *world) {
	st := w.Process(t)
	require.Equal(t, election.Info{Name: name(t), Leader: election.LeaderInfo{Vacant: true}, Candidates: []election.Candidate{}}, inspect(t, st))
	s := w.Session(t)
	start := time.Now()
	e := election.New(s, name(t), &election.Options{ID: "a/ü", Value: []byte("v"), Note: "nightly"})
	require.Equal(t, name(t), e.Name())
	term := campaign(t, e)
	require.Equal(t, "a/ü", term.ID())
	waits, cancel := context.WithCancel(context.Background())
	c := campaignAsync(waits, election.New(s, name(t), &election.Options{Priority: 3, Note: "stands by"}))
	w.untilStand(t, st, 1)

	leader, err := election.Leader(t.Context(), st, name(t))
	require.NoError(t, err)
	require.WithinDuration(t, start, leader.Since, 10*time.Second)
	require.Equal(t, election.LeaderInfo{
		Number: 1, Token: term.Token(), Key: term.Key(), ID: "a/ü", Value: []byte("v"), Since: leader.Since, Owner: s.Owner(), Note: "nightly",
	}, leader)
	for now, err := range election.Observe(t.Context(), st, name(t)) {
		require.NoError(t, err)
		require.Equal(t, leader, now)
		break
	}
	info := inspect(t, st)
	require.Equal(t, leader, info.Leader)
	candidates, err := election.Candidates(t.Context(), st, name(t))
	require.NoError(t, err)
	require.Equal(t, info.Candidates, candidates)
	require.Equal(t, s.Owner().Name, candidates[0].ID, "the ID's default")
	require.Equal(t, s.Owner(), candidates[0].Owner)
	require.Equal(t, 3, candidates[0].Priority)
	require.Equal(t, "stands by", candidates[0].Note)
	require.Equal(t, s.LeaseID(), candidates[0].Lease)
	require.Equal(t, term.Lease(), candidates[0].Lease)

	infos, err := election.List(t.Context(), st)
	require.NoError(t, err)
	var mine []election.Info
	for _, i := range infos {
		if i.Name == name(t) {
			mine = append(mine, i)
		}
	}
	require.Equal(t, []election.Info{info}, mine)
	cancel()
	require.Error(t, worlds.Await(t, c).err)
	resign(t, term)
}

func brokenRecord(t *testing.T, w *world) {
	st := w.Process(t)
	term := campaign(t, w.candidate(t, "a"))
	key := termKey(term)
	resign(t, term)
	good, err := st.Get(t.Context(), key)
	require.NoError(t, err)
	broken := good
	for _, value := range []string{"", "{", "null", `{"format":2}`, `"x"`} {
		broken.Value = []byte(value)
		broken.Version, err = st.CasByVersion(t.Context(), broken)
		require.NoError(t, err)
		var record *election.RecordError
		_, err = w.candidate(t, "b").Campaign(t.Context())
		require.ErrorAs(t, err, &record, "Campaign over %q", value)
		require.Equal(t, key, record.Key)
		_, err = election.Leader(t.Context(), st, name(t))
		require.ErrorAs(t, err, &record, "Leader over %q", value)
		_, err = election.Candidates(t.Context(), st, name(t))
		require.ErrorAs(t, err, &record, "Candidates over %q", value)
		require.ErrorAs(t, inspect(t, st).Err, &record, "Inspect over %q", value)
		require.ErrorAs(t, election.Break(t.Context(), st, name(t), 1), &record, "Break over %q", value)
		require.ErrorAs(t, w.candidate(t, "b").Run(t.Context(), nil), &record, "Run over %q", value)
	}
	broken.Value = good.Value
	_, err = st.CasByVersion(t.Context(), broken)
	require.NoError(t, err)
	term = campaign(t, w.candidate(t, "b"))
	require.EqualValues(t, 2, term.Number())
	resign(t, term)
}

func unknownFieldsStay(t *testing.T, w *world) {
	st := w.Process(t)
	term := campaign(t, w.candidate(t, "a"))
	r, err := st.Get(t.Context(), termKey(term))
	require.NoError(t, err)
	r.Value = append([]byte(`{"colour":{"r":1.50},`), r.Value[1:]...)
	_, err = st.CasByVersion(t.Context(), r)
	require.NoError(t, err)
	require.NoError(t, term.Proclaim(t.Context(), []byte("v")), "somebody else's field makes no other term")
	resign(t, term)
	next := campaign(t, w.candidate(t, "b"))
	r, err = st.Get(t.Context(), termKey(term))
	require.NoError(t, err)
	require.Contains(t, string(r.Value), `"colour":{"r":1.50}`)
	require.NotContains(t, string(r.Value), `"value"`, "the last leader's value went with it")
	resign(t, next)
}

func brokenEntry(t *testing.T, w *world) {
	st := w.Process(t)
	term := campaign(t, w.candidate(t, "a"))
	key := kv.Key(strings.TrimSuffix(string(termKey(term)), "term") + "c/stranger")
	_, err := st.Create(t.Context(), kv.Record{Key: key, Value: []byte("{")})
	require.NoError(t, err)
	c := campaignAsync(context.Background(), w.candidate(t, "b"))
	w.untilStand(t, st, 2)
	candidates := inspect(t, st).Candidates
	require.Error(t, candidates[0].Err)
	require.Equal(t, key, candidates[0].Key)
	require.ErrorIs(t, term.Transfer(t.Context(), "stranger"), election.ErrNoCandidate)
	require.NoError(t, st.Delete(t.Context(), key))
	resign(t, term)
	resign(t, elected(t, c))
}

func strangeRecord(t *testing.T, w *world) {
	st := w.Process(t)
	term := campaign(t, w.candidate(t, "a"))
	root := kv.Key(strings.TrimSuffix(string(termKey(term)), "term"))
	_, err := st.Create(t.Context(), kv.Record{Key: root + "stranger"})
	require.NoError(t, err)
	c := campaignAsync(context.Background(), w.candidate(t, "b"))
	w.Until(t, func() bool {
		return slices.ContainsFunc(inspect(t, st).Candidates, func(c election.Candidate) bool { return c.ID == "b" })
	})
	resign(t, term)
	resign(t, elected(t, c))
	require.NoError(t, st.Delete(t.Context(), root+"term"))
	resign(t, campaign(t, w.candidate(t, "c"))) // who finds nothing else
}

func anyValue(t *testing.T, w *world) {
	st := w.Process(t)
	term := campaign(t, w.candidate(t, "a"))
	for _, b := range []string{"a", "\x01", "<", "\xff", "ü", "\""} {
		v := []byte(strings.Repeat(b, election.MaxValueLen/len(b)))
		require.NoError(t, term.Proclaim(t.Context(), v), "Proclaim of %q", b)
		leader, err := election.Leader(t.Context(), st, name(t))
		require.NoError(t, err)
		require.True(t, string(v) == string(leader.Value), "value of %q", b)
	}
	require.ErrorIs(t, term.Proclaim(t.Context(), make([]byte, election.MaxValueLen+1)), kv.ErrTooLarge)
	resign(t, term)
}

func outOfBounds(t *testing.T, w *world) {
	st := w.Process(t)
	s := w.Session(t)
	long := strings.Repeat("n", 256)
	for _, e := range []*election.Election{
		election.New(nil, "n", nil), election.New(s, "", nil), election.New(s, "a\nb", nil), election.New(s, "\xff", nil),
		election.New(s, long, nil), election.New(s, "n", &election.Options{ID: "a\nb"}), election.New(s, "n", &election.Options{ID: long}),
		election.New(s, "n", &election.Options{Value: make([]byte, election.MaxValueLen+1)}),
	} {
		_, err := e.Campaign(t.Context())
		require.ErrorIs(t, err, kv.ErrInvalid)
		require.ErrorIs(t, e.Run(t.Context(), nil), kv.ErrInvalid)
	}
	for _, n := range []string{"", "a\nb", "\xff", long} {
		_, err := election.Leader(t.Context(), st, n)
		require.ErrorIs(t, err, kv.ErrInvalid, "Leader(%q)", n)
		_, err = election.Inspect(t.Context(), st, n)
		require.ErrorIs(t, err, kv.ErrInvalid, "Inspect(%q)", n)
		require.ErrorIs(t, election.Break(t.Context(), st, n, 1), kv.ErrInvalid, "Break(%q)", n)
		for _, err := range election.Observe(t.Context(), st, n) {
			require.ErrorIs(t, err, kv.ErrInvalid, "Observe(%q)", n)
		}
	}
	var none context.Context
	_, err := election.New(s, "n", nil).Campaign(none)
	require.ErrorIs(t, err, kv.ErrInvalid)
	require.ErrorIs(t, election.New(s, "n", nil).Run(none, nil), kv.ErrInvalid)
	term := campaign(t, election.New(s, strings.Repeat("/", 255), nil))
	require.ErrorIs(t, term.Proclaim(none, nil), kv.ErrInvalid)
	require.ErrorIs(t, term.Transfer(none, "x"), kv.ErrInvalid)
	require.ErrorIs(t, term.Resign(none), kv.ErrInvalid)
	resign(t, term)
}

func closedSessionRefuses(t *testing.T, w *world) {
	st := w.Process(t)
	term := campaign(t, w.candidate(t, "leads"))
	s := w.Session(t)
	c := campaignAsync(context.Background(), election.New(s, name(t), nil))
	w.untilStand(t, st, 1)
	require.NoError(t, s.Close(t.Context()))
	require.ErrorIs(t, worlds.Await(t, c).err, kv.ErrClosed)
	_, err := election.New(s, name(t), nil).Campaign(t.Context())
	require.ErrorIs(t, err, kv.ErrClosed)
	require.ErrorIs(t, election.New(s, name(t), nil).Run(t.Context(), nil), kv.ErrClosed)
	resign(t, term)
}
