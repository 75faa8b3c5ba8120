package election

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/test/internal/seeded"
	"github.com/coordkit/coord/test/internal/worlds"
)

// stander is one that stands for election until it is elected, gives up, or is taken out, and then leads until it resigns or is taken out.
type stander struct {
	id     string
	cancel context.CancelFunc
	result <-chan result
	term   *election.Term
}

// succession is an election whose candidates come and go at random.
type succession struct {
	*world
	dice     *rand.Rand
	st       kv.Storage // the operator's
	standing map[string]*stander
	last     int
}

// TestTheNextInOrderLeadsWheneverNobodyElseDoes has candidates of some priorities join, give up, resign, transfer, be chosen, and be taken
// out by hand, one after the other and at the same time. Nobody has a view of the line, so that each waits for what it was told to.
func TestTheNextInOrderLeadsWheneverNobodyElseDoes(t *testing.T) {
	runs, terms := seeded.Runs(t, 100, succeed)
	t.Logf("%d terms in %d runs", terms, runs)
	require.Greater(t, terms, 5*runs, "too few terms to prove anything")
}

func succeed(t *testing.T, seed uint64) (terms int) {
	store := memory.New(nil)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	open := func(t *testing.T) (kv.Storage, func()) {
		st := store.Connect()
		kill := func() { require.NoError(t, st.Close()) }
		t.Cleanup(kill)
		return worlds.Unwatched(st), kill
	}
	s := &succession{
		world: &world{&worlds.World{Fake: true, Open: open}}, dice: rand.New(rand.NewPCG(seed, 0)), st: store,
		standing: map[string]*stander{},
	}
	defer func() {
		for _, c := range s.standing {
			c.cancel()
		}
		synctest.Wait()
	}()
	for range 40 {
		before := inspect(t, store)
		if s.dice.IntN(3) > 0 {
			if next := s.step(t, before)(); next != "" && next != "?" {
				s.settle()
				now := inspect(t, store)
				require.Equal(t, next, now.Leader.ID, "leads after %s; there were %v", before.Leader.ID, ids(before.Candidates))
			}
		} else {
			steps := []func() string{s.step(t, before), s.step(t, before), s.step(t, before)}
			var all sync.WaitGroup
			for _, step := range steps {
				all.Go(func() { step() })
			}
			all.Wait()
		}
		s.settle()
		now := inspect(t, store)
		require.False(t, now.Leader.Vacant && len(now.Candidates) > 0, "nobody leads, and %v sleep", ids(now.Candidates))
		terms = int(now.Leader.Number)
	}
	return terms
}

// settle lets all who can go on do so.
func (s *succession) settle() {
	synctest.Wait()
	for id, c := range s.standing {
		select {
		case r := <-c.result:
			if c.term = r.term; r.err != nil {
				delete(s.standing, id)
			}
		default:
		}
		if c.term != nil && c.term.Err() != nil {
			delete(s.standing, id)
		}
	}
}

// step draws something to do, and returns it. It returns who leads then, "" if that does not change.
func (s *succession) step(t *testing.T, info election.Info) func() string {
	next := ""
	if len(info.Candidates) > 0 {
		next = info.Candidates[0].ID
	}
	leader := s.standing[info.Leader.ID]
	switch n := s.dice.IntN(20); {
	case n < 8 || leader == nil || next == "":
		s.join(t)
		return func() string { return "?" }
	case n < 10: // one gives up
		c := s.standing[s.any(info).ID]
		require.NotNil(t, c, "an entry is left of who does not stand")
		return func() string { c.cancel(); return info.Leader.ID }
	case n < 12: // one is taken out
		key := s.any(info).Key
		return func() string { _ = s.st.Delete(context.Background(), key); return info.Leader.ID }
	case n < 14: // one is chosen, who need not be there by the time that the term ends, which may be another's
		key := s.any(info).Key
		return func() string { s.choose(key, info.Leader.Token); return info.Leader.ID }
	case n < 15:
		return func() string {
			_ = leader.term.Proclaim(context.Background(), []byte(strconv.Itoa(n)))
			return info.Leader.ID
		}
	case n < 16: // the leader is taken out
		return func() string { _ = s.st.Delete(context.Background(), info.Leader.Key); return next }
	case n < 18:
		heir := s.any(info).ID
		return func() string { _ = leader.term.Transfer(context.Background(), heir); return heir }
	}
	return func() string { _ = leader.term.Resign(context.Background()); return next }
}

func (s *succession) any(info election.Info) election.Candidate {
	return info.Candidates[s.dice.IntN(len(info.Candidates))]
}

func (s *succession) join(t *testing.T) {
	s.last++
	c := &stander{id: fmt.Sprint(s.last)}
	priority := 0
	if s.dice.IntN(4) == 0 {
		priority = s.dice.IntN(3) - 1
	}
	var ctx context.Context
	ctx, c.cancel = context.WithCancel(context.Background())
	e := election.New(s.Session(t), name(t), &election.Options{ID: c.id, Priority: priority})
	c.result = campaignAsync(ctx, e)
	s.standing[c.id] = c
}

// choose marks a candidate as Transfer does, and does not resign.
func (s *succession) choose(key kv.Key, token kv.Version) {
	r, err := s.st.Get(context.Background(), key)
	if err != nil {
		return
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(r.Value, &fields) != nil {
		return
	}
	if fields["created"] == nil {
		fields["created"] = json.RawMessage(strconv.FormatInt(int64(r.Version), 10))
	}
	fields["heir"] = json.RawMessage(strconv.FormatInt(int64(token), 10))
	r.Value, _ = json.Marshal(fields)
	_, _ = s.st.CasByVersion(context.Background(), r)
}
