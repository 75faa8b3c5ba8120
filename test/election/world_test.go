package election

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/kvtest"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/test/internal/worlds"
)

const ttl = worlds.TTL

func hide(s kv.Storage) kv.Storage { return kvtest.Hide(s) }
func same(s kv.Storage) kv.Storage { return s }

// unwatched has the candidates of a short line wait as those of a long one do.
func unwatched(s kv.Storage) kv.Storage { return worlds.Unwatched(s) }

// world is a store with what the tests of this package ask of it.
type world struct{ *worlds.World }

type testCase struct {
	name string
	run  func(t *testing.T, w *world)
}

// onEach runs the cases on every kind of store.
func onEach(t *testing.T, cases []testCase) {
	var all []worlds.Case
	for _, c := range cases {
		all = append(all, worlds.Case{Name: c.name, Run: func(t *testing.T, w *worlds.World) { c.run(t, &world{w}) }})
	}
	worlds.Each(t, all)
}

// candidate stands for the test's election under id, in a session of its own.
func (w *world) candidate(t *testing.T, id string) *election.Election {
	return election.New(w.Session(t), name(t), &election.Options{ID: id})
}

// name is an election's name that no other test has.
func name(t *testing.T) string { return t.Name() }

// campaign stands for election with a bound for a test that hangs: to lose most answers, as some do, takes ten seconds now and then.
func campaign(t *testing.T, e *election.Election) *election.Term {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	term, err := e.Campaign(ctx)
	require.NoError(t, err, "Campaign")
	return term
}

func resign(t *testing.T, term *election.Term) {
	t.Helper()
	require.NoError(t, term.Resign(context.Background()), "Resign")
}

// result is what a Campaign in another goroutine came to.
type result struct {
	term *election.Term
	err  error
}

func campaignAsync(ctx context.Context, e *election.Election) <-chan result {
	c := make(chan result, 1)
	go func() {
		term, err := e.Campaign(ctx)
		c <- result{term, err}
	}()
	return c
}

// elected is await for a campaign that succeeds.
func elected(t *testing.T, c <-chan result) *election.Term {
	t.Helper()
	r := worlds.Await(t, c)
	require.NoError(t, r.err, "Campaign")
	return r.term
}

// awaitDone returns when the hold is over, which it is to be within that time.
func (w *world) awaitDone(t *testing.T, term *election.Term, within time.Duration) {
	t.Helper()
	select {
	case <-term.Done():
	case <-time.After(within + w.Leeway()):
		require.FailNow(t, "Done was not closed", "within %v", within)
	}
}

// untilStand returns when the election has a leader and n candidates behind it.
func (w *world) untilStand(t *testing.T, st kv.Storage, n int) {
	t.Helper()
	w.Until(t, func() bool {
		info := inspect(t, st)
		return !info.Leader.Vacant && len(info.Candidates) == n
	})
	if w.Fake {
		synctest.Wait() // they wait, too
	}
}

func inspect(t *testing.T, st kv.Storage) election.Info {
	t.Helper()
	info, err := election.Inspect(context.Background(), st, name(t))
	require.NoError(t, err, "Inspect")
	return info
}

// ids are the IDs of the candidates, in their order.
func ids(candidates []election.Candidate) []string {
	var ids []string
	for _, c := range candidates {
		ids = append(ids, c.ID)
	}
	return ids
}
