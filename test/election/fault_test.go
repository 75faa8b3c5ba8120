package election

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/fault"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/session"
)

// overFaults runs body with an election over a way to the store that has no faults yet.
func overFaults(t *testing.T, body func(t *testing.T, store *memory.Storage, way *fault.Storage, e *election.Election)) {
	for _, c := range []struct {
		name string
		wrap func(kv.Storage) kv.Storage
	}{{"with capabilities", same}, {"without", hide}} {
		t.Run(c.name, func(t *testing.T) {
			bubble.Test(t, func(t *testing.T) {
				store := memory.New(nil)
				way := fault.New(c.wrap(store.Connect()), 1, fault.Faults{})
				s := session.New(way, &session.Options{TTL: ttl})
				defer func() {
					way.Heal()
					require.NoError(t, s.Close(t.Context()))
					require.NoError(t, way.Close())
					require.NoError(t, store.Close())
				}()
				body(t, store, way, election.New(s, name(t), nil))
			})
		})
	}
}

// answersLost loses most answers: all of them would be those of the repetitions, too.
var answersLost = fault.Faults{AnswerLost: 0.7}

func TestResignWithLostAnswersIsNotForgotten(t *testing.T) {
	overFaults(t, func(t *testing.T, store *memory.Storage, way *fault.Storage, e *election.Election) {
		term := campaign(t, e)
		way.Set(fault.Faults{RequestLost: 1})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, term.Resign(ctx), kv.ErrUncertain)
		require.ErrorIs(t, term.Resign(t.Context()), kv.ErrUncertain, "a repeat returns the first result")
		require.Equal(t, term.Token(), inspect(t, store).Leader.Token)
		way.Heal()
		time.Sleep(2500 * time.Millisecond) // the background's backoff at most
		require.True(t, inspect(t, store).Leader.Vacant, "removed in the background")
		term = campaign(t, e)
		way.Set(fault.Faults{AnswerLost: 1})
		time.AfterFunc(time.Millisecond, way.Heal)
		require.NoError(t, term.Resign(t.Context()), "the second try finds it gone")
		require.True(t, inspect(t, store).Leader.Vacant)
	})
}

func TestLostAnswersOfACampaignAreFoundOut(t *testing.T) {
	overFaults(t, func(t *testing.T, store *memory.Storage, way *fault.Storage, e *election.Election) {
		term := campaign(t, e)
		for n := int64(2); n < 5; n++ {
			resign(t, term)
			require.NoError(t, e.Healthy(0))
			way.Set(answersLost)
			term = campaign(t, e)
			require.Equal(t, n, term.Number())
			require.Equal(t, term.Token(), inspect(t, store).Leader.Token)
			require.NoError(t, term.Proclaim(t.Context(), []byte("v")))
			require.Equal(t, "v", string(inspect(t, store).Leader.Value))
			way.Heal()
		}
		resign(t, term)
		time.Sleep(time.Minute)
		require.Empty(t, inspect(t, store).Candidates)
	})
}

func TestLateProclamationOverwritesNoNewerTerm(t *testing.T) {
	overFaults(t, func(t *testing.T, store *memory.Storage, way *fault.Storage, e *election.Election) {
		term := campaign(t, e)
		way.Set(fault.Faults{Late: 1, LateAtMost: 3 * time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		require.Error(t, term.Proclaim(ctx, []byte("late")))
		require.NoError(t, store.Delete(t.Context(), term.Key()))
		other := session.New(store, nil)
		next := campaign(t, election.New(other, name(t), &election.Options{Value: []byte("new")}))
		way.Wait()
		require.Equal(t, "new", string(inspect(t, store).Leader.Value))
		require.Equal(t, next.Token(), inspect(t, store).Leader.Token)
		resign(t, next)
		require.NoError(t, other.Close(t.Context()))
	})
}

// Cut off from the store, a cancelled campaign cannot take its entry away. It must not stay once the store is back.
func TestCampaignCancelledInAnOutageLeavesNothing(t *testing.T) {
	for _, wrap := range []func(kv.Storage) kv.Storage{same, hide} {
		inBubble(t, func(t *testing.T, store, cut *memory.Storage) {
			s := session.New(wrap(cut), &session.Options{TTL: time.Minute})
			other := session.New(store, nil)
			term := campaign(t, election.New(other, name(t), nil))
			ctx, cancel := context.WithCancel(t.Context())
			c := campaignAsync(ctx, election.New(s, name(t), nil))
			time.Sleep(5 * time.Second)
			require.Len(t, inspect(t, store).Candidates, 1)
			cut.SetConnected(false)
			cancel()
			require.ErrorIs(t, (<-c).err, context.Canceled)
			time.Sleep(5 * time.Second)
			require.Len(t, inspect(t, store).Candidates, 1)
			cut.SetConnected(true)
			time.Sleep(2500 * time.Millisecond)
			require.Empty(t, inspect(t, store).Candidates)
			resign(t, term)
			require.NoError(t, s.Close(t.Context()))
			require.NoError(t, other.Close(t.Context()))
		})
	}
}

// A campaign that gives up while its record is under way may be named by it afterwards: by then its entry is gone, so nobody leads.
func TestRecordThatLandsLateMakesNoLeader(t *testing.T) {
	overFaults(t, func(t *testing.T, store *memory.Storage, way *fault.Storage, e *election.Election) {
		first := campaign(t, e)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c := campaignAsync(ctx, e)
		synctest.Wait()
		way.Set(fault.Faults{Late: 1, LateAtMost: 10 * time.Second})
		require.NoError(t, store.Delete(t.Context(), first.Key()))
		r := <-c
		if r.err == nil { // it landed in time
			require.EqualValues(t, 2, r.term.Number())
			_ = r.term.Resign(t.Context())
		}
		way.Heal()
		way.Wait()
		time.Sleep(time.Minute)
		info := inspect(t, store)
		require.True(t, info.Leader.Vacant)
		require.Empty(t, info.Candidates)
		next := campaign(t, e)
		require.Equal(t, info.Leader.Number+1, next.Number())
		resign(t, next)
	})
}

// meanwhile calls f before the first read of a range.
type meanwhile struct {
	kv.Storage
	once sync.Once
	f    func()
}

func (m *meanwhile) GetRange(ctx context.Context, start, end kv.Key) (kv.Records, error) {
	m.once.Do(m.f)
	return m.Storage.GetRange(ctx, start, end)
}

// Between joining and the first look somebody who joined later, with a higher priority, may have won.
func TestFirstLookSeesALeaderWhoJoinedLater(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		t.Cleanup(func() { require.NoError(t, store.Close()) }) // after its sessions
		s := session.New(store, nil)
		prior := election.New(s, name(t), &election.Options{Priority: 1})
		var term *election.Term
		late := session.New(&meanwhile{Storage: hide(store), f: func() { term = campaign(t, prior) }}, nil)
		c := campaignAsync(context.Background(), election.New(late, name(t), nil))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Empty(t, c, "two lead")
		require.NoError(t, term.Check(t.Context()))
		resign(t, term)
		next := elected(t, c)
		require.EqualValues(t, 2, next.Number())
		require.Greater(t, next.Token(), term.Token(), "though it joined before")
		resign(t, next)
		require.NoError(t, late.Close(t.Context()))
		require.NoError(t, s.Close(t.Context()))
	})
}
