package election

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/fault"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/seeded"
)

const simulated = "e" // the election's name

// ballot knows who was elected last.
type ballot struct {
	mu     sync.Mutex
	last   *election.Term
	grants int
}

// count checks, at the moment of a grant, what an election promises: whoever led before knows by now that its term is over, and numbers
// and tokens grow.
func (b *ballot) count(term *election.Term) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if term.Err() != nil {
		return nil // over before it could be counted
	}
	if last := b.last; last != nil {
		switch {
		case last.Err() == nil:
			return fmt.Errorf("term %d began while term %d lasts, valid for %v", term.Number(), last.Number(), last.ValidFor())
		case term.Number() <= last.Number():
			return fmt.Errorf("term %d follows term %d", term.Number(), last.Number())
		case term.Token() <= last.Token():
			return fmt.Errorf("token %d follows %d", term.Token(), last.Token())
		}
	}
	b.last, b.grants = term, b.grants+1
	return nil
}

// TestNeverTwoLeaders runs processes whose ways to the store fail in every manner, that are cut off and come back, whose leases are
// revoked, whose candidates have priorities, transfer, resign, give up and overrun, all at random. A failure prints its seed; -seed
// replays it.
func TestNeverTwoLeaders(t *testing.T) {
	for _, c := range []struct {
		name string
		wrap func(kv.Storage) kv.Storage
	}{{"with capabilities", same}, {"without watches of ranges", unwatched}, {"without", hide}} {
		t.Run(c.name, func(t *testing.T) {
			runs, terms := seeded.Runs(t, 25, func(t *testing.T, seed uint64) int { return simulate(t, seed, c.wrap) })
			t.Logf("%d terms in %d runs", terms, runs)
			require.Greater(t, terms, runs*10, "too few terms to prove anything")
		})
	}
}

// faults are those of each process's way to the store.
var faults = fault.Faults{
	Refused: 0.04, RequestLost: 0.04, AnswerLost: 0.04, Late: 0.04, LateAtMost: 3 * time.Second, DelayAtMost: 3 * time.Millisecond,
}

// process is one of a simulation.
type process struct {
	handle *memory.Storage
	way    *fault.Storage
	s      *session.Session
}

func simulate(t *testing.T, n uint64, wrap func(kv.Storage) kv.Storage) int {
	store := memory.New(nil)
	defer store.Close()
	b := &ballot{}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	watching, stopWatching := context.WithCancel(t.Context())
	defer stopWatching()

	var work, watch sync.WaitGroup
	var processes []*process
	var watchers []*watcher
	for p := range uint64(4) {
		handle := store.Connect()
		way := fault.New(wrap(handle), n*10+p, faults)
		pr := &process{handle, way, session.New(way, &session.Options{TTL: 5 * time.Second})}
		processes = append(processes, pr)
		for c := range uint64(2) {
			dice := rand.New(rand.NewPCG(n, p*10+c))
			work.Go(func() { stand(ctx, t, b, pr.s, fmt.Sprintf("%d", p*2+c), dice) })
		}
		dice := rand.New(rand.NewPCG(n, 1000+p))
		work.Go(func() { disturb(ctx, store, pr, dice) })
		o := &watcher{}
		watchers = append(watchers, o)
		watch.Go(func() { o.watch(watching, t, way) })
	}
	work.Wait()
	for _, p := range processes {
		p.handle.SetConnected(true)
		p.way.Heal()
	}
	time.Sleep(time.Minute) // of the bubble; what clears away in the background comes back every 30 s at least
	afterwards(t, store, watchers, processes)

	stopWatching()
	watch.Wait()
	for _, p := range processes {
		assert.NoError(t, p.s.Close(t.Context()), "Close")
		p.way.Wait()
		assert.NoError(t, p.way.Close())
	}
	return b.grants
}

// afterwards checks what must hold when everything has healed: nothing is left but the term record, also while the sessions and their
// leases live on, a new leader can be elected, and every observer knows of it.
func afterwards(t *testing.T, store kv.Storage, watchers []*watcher, processes []*process) {
	info := told(t, store, watchers)
	assert.True(t, info.Leader.Vacant)
	assert.Empty(t, info.Candidates, "left behind")
	bound, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	term, err := election.New(processes[0].s, simulated, &election.Options{ID: "last", Value: []byte("v")}).Campaign(bound)
	if !assert.NoError(t, err, "a campaign after everything has healed") {
		return
	}
	assert.Equal(t, info.Leader.Number+1, term.Number())
	assert.Equal(t, "last", told(t, store, watchers).Leader.ID)
	assert.NoError(t, term.Resign(t.Context()))
}

// told checks that every observer knows what an operator is told.
func told(t *testing.T, store kv.Storage, watchers []*watcher) election.Info {
	synctest.Wait()
	info, err := election.Inspect(t.Context(), store, simulated)
	assert.NoError(t, err)
	for i, o := range watchers {
		assert.Equal(t, info.Leader, o.seen(), "the last word of observer %d", i)
	}
	return info
}

// stand stands for election until ctx ends, by Run or by hand.
func stand(ctx context.Context, t *testing.T, b *ballot, s *session.Session, id string, dice *rand.Rand) {
	e := election.New(s, simulated, &election.Options{ID: id, Value: []byte(id), Priority: dice.IntN(3)})
	lead := func(ctx context.Context, term *election.Term) error {
		if err := b.count(term); err != nil {
			t.Error(err)
		}
		return work(ctx, t, term, dice)
	}
	for ctx.Err() == nil {
		wait, cancel := context.WithTimeout(ctx, time.Duration(1+dice.IntN(8000))*time.Millisecond)
		if dice.IntN(2) == 0 {
			err := e.Run(wait, lead)
			if err != nil && !errors.Is(err, errWork) && !errors.Is(err, kv.ErrUncertain) && (wait.Err() == nil || !errors.Is(err, wait.Err())) {
				t.Errorf("Run: %v", err)
			}
		} else if term, err := e.Campaign(wait); err == nil {
			_ = lead(wait, term)
			if err := term.Resign(ctx); err != nil && !errors.Is(err, election.ErrLost) && !errors.Is(err, kv.ErrUncertain) {
				t.Errorf("Resign: %v", err)
			}
		} else if wait.Err() != nil && !errors.Is(err, election.ErrLost) && !errors.Is(err, wait.Err()) {
			t.Errorf("Campaign did not say why it ended: %v", err)
		}
		cancel()
		pause(ctx, time.Duration(dice.IntN(100))*time.Millisecond)
	}
}

var errWork = errors.New("the work's own")

// work leads for a while, and does what leaders do.
func work(ctx context.Context, t *testing.T, term *election.Term, dice *rand.Rand) error {
	for range dice.IntN(4) {
		select {
		case <-time.After(time.Duration(dice.IntN(700)) * time.Millisecond):
		case <-ctx.Done():
		case <-term.Done():
		}
		bound, cancel := context.WithTimeout(ctx, time.Duration(dice.IntN(2000))*time.Millisecond)
		switch dice.IntN(6) {
		case 0, 1:
			if err := term.Proclaim(bound, []byte(term.ID()+" proclaims")); err == nil && term.Number() == 0 {
				t.Error("a proclamation of no term")
			}
		case 2, 3:
			_ = term.Transfer(bound, fmt.Sprint(dice.IntN(8)))
		case 4:
			_ = term.Resign(bound)
		case 5:
			pause(context.Background(), time.Duration(dice.IntN(200))*time.Millisecond) // does not hear
		}
		cancel()
	}
	if dice.IntN(3) == 0 {
		return errWork
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// disturb cuts the process off and revokes its lease, now and then, until ctx ends.
func disturb(ctx context.Context, store kv.Storage, p *process, dice *rand.Rand) {
	for ctx.Err() == nil {
		pause(ctx, time.Duration(dice.IntN(10000))*time.Millisecond)
		switch dice.IntN(3) {
		case 0:
			p.handle.SetConnected(false)
			pause(ctx, time.Duration(dice.IntN(9000))*time.Millisecond)
			p.handle.SetConnected(true)
		case 1:
			if dice.IntN(4) > 0 {
				continue // a revoke defeats the promise for a moment: rare, as in life
			}
			if l, err := store.Lessor().GetLease(p.s.LeaseID()); err == nil {
				_ = l.Release()
			}
		}
	}
}

// watcher observes, and keeps the last word.
type watcher struct {
	mu   sync.Mutex
	last election.LeaderInfo
}

func (o *watcher) seen() election.LeaderInfo {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// watch checks that what it is told goes forward only, and that each value is its leader's own.
func (o *watcher) watch(ctx context.Context, t *testing.T, st kv.Storage) {
	told := false
	for now, err := range election.Observe(ctx, st, simulated) {
		if err != nil {
			if ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
				t.Errorf("Observe: %v", err)
			}
			return
		}
		o.mu.Lock()
		was := o.last
		o.last = now
		o.mu.Unlock()
		switch {
		case now.Number < was.Number:
			t.Errorf("term %d was told of after term %d", now.Number, was.Number)
		case told && now.Number == was.Number && was.Vacant && !now.Vacant:
			t.Errorf("term %d was over and is back", now.Number)
		case !now.Vacant && now.ID != "last" && !strings.HasPrefix(string(now.Value), now.ID):
			t.Errorf("value %q of leader %q", now.Value, now.ID)
		}
		told = true
	}
}
