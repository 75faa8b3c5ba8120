//go:build unix

package cli

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/internal/bubble"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/kv/count"
	"github.com/coordkit/coord/primitives/election"
	"github.com/coordkit/coord/primitives/session"
)

// leads becomes the leader, and returns what resigns.
func (p *party) leads(name, value string) (resign func()) {
	p.t.Helper()
	term, err := election.New(p.Session, name, &election.Options{Value: []byte(value)}).Campaign(p.t.Context())
	require.NoError(p.t, err)
	return func() { require.NoError(p.t, term.Resign(p.t.Context())) }
}

func TestALookIsOneRangeReadAndShowsItsRangeToAWatch(t *testing.T) {
	for _, c := range []claim{
		&lockClaim{name: "a/b ü%"}, &lockClaim{name: "a/b ü%", shared: true}, &slotClaim{name: "a/b ü%", slots: 1}, &leadClaim{name: "a/b ü%"},
	} {
		bubble.Test(t, func(t *testing.T) {
			st := newStore(t)
			first, me := join(t, st, "first"), join(t, st, "me")
			holder := c
			if l, ok := c.(*lockClaim); ok {
				holder = &lockClaim{name: l.name}
			}
			g, err := holder.try(t.Context(), st, first.Session)
			require.NoError(t, err)

			counted := count.New(st)
			now, err := c.look(t.Context(), counted, kv.NoLeaseId)
			require.NoError(t, err)
			require.Contains(t, now.who, "host/first")
			require.Equal(t, 1, counted.Total(), c.kind())

			// What is followed is what the claim itself lives in.
			ctx, cancel := context.WithCancel(t.Context())
			var seen standing
			var wg sync.WaitGroup
			wg.Go(func() {
				_ = follow(ctx, st, func(ctx context.Context, st kv.Storage) (standing, error) { return c.look(ctx, st, me.LeaseID()) },
					func(now standing) { seen = now })
			})
			require.NoError(t, me.Ready(t.Context()))
			wg.Go(func() {
				if _, err := c.await(ctx, st, me.Session); err == nil {
					<-ctx.Done()
				}
			})
			synctest.Wait()
			require.Equal(t, 1, seen.place, c.kind())
			require.Contains(t, seen.who, "host/first")
			require.NotEmpty(t, c.environ(g))
			cancel()
			wg.Wait()
		})
	}
}

func TestReadersShareALockAndAWriterDoesNot(t *testing.T) {
	st := newStore(t)
	read, write := &lockClaim{name: "l", shared: true}, &lockClaim{name: "l"}
	_, err := read.try(t.Context(), st, join(t, st, "one").Session)
	require.NoError(t, err)
	_, err = read.try(t.Context(), st, join(t, st, "two").Session)
	require.NoError(t, err)
	_, err = write.try(t.Context(), st, join(t, st, "three").Session)
	var taken *takenError
	require.ErrorAs(t, err, &taken)
	require.Equal(t, "held by host/one (one)", taken.Error())
}

func TestSlotsAreNoLockAndDisagreeOnTheirNumber(t *testing.T) {
	st := newStore(t)
	_, err := (&lockClaim{name: "l"}).try(t.Context(), st, join(t, st, "locker").Session)
	require.NoError(t, err)
	two := &slotClaim{name: "l", slots: 2}
	for _, name := range []string{"one", "two"} {
		_, err := two.try(t.Context(), st, join(t, st, name).Session)
		require.NoError(t, err)
	}
	three := join(t, st, "three").Session
	_, err = two.try(t.Context(), st, three)
	var taken *takenError
	require.ErrorAs(t, err, &taken)
	require.Equal(t, "2 of 2 in use, by host/one (one) and 1 other", taken.Error())

	_, err = (&slotClaim{name: "l", slots: 3}).try(t.Context(), st, three)
	require.Equal(t, exitConfig, codeOf(err, exitFailed))
	require.EqualError(t, err, `"l" has 2 slots, not 3: --slots 2 goes by that, --resize changes it for everybody`)
	_, err = (&slotClaim{name: "l", slots: 3, resize: true}).try(t.Context(), st, three)
	require.NoError(t, err)
}

func TestNoWaitForALeadershipThatIsTaken(t *testing.T) {
	st := newStore(t)
	resign := join(t, st, "first").leads("e", "")
	me := join(t, st, "me")
	c := &leadClaim{name: "e"}
	_, err := c.try(t.Context(), st, me.Session)
	var taken *takenError
	require.ErrorAs(t, err, &taken)
	require.Equal(t, "led by host/first (first)", taken.Error())
	resign()
	g, err := c.try(t.Context(), st, me.Session)
	require.NoError(t, err)
	require.Contains(t, c.environ(g), "COORD_ELECTION_TERM=2")
	require.Contains(t, c.environ(g), "COORD_ELECTION_ID=host/me")
}

// faster is a store on which somebody else acts after the first look.
type faster struct {
	kv.Storage
	once sync.Once
	act  func()
}

func (f *faster) Unwrap() kv.Storage { return f.Storage }

func (f *faster) GetRange(ctx context.Context, start, end kv.Key) (kv.Records, error) {
	records, err := f.Storage.GetRange(ctx, start, end)
	f.once.Do(f.act)
	return records, err
}

func TestNoWaitLeavesTheLineIfSomebodyWasFaster(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st := newStore(t)
		rival, me := join(t, st, "rival"), join(t, st, "me")
		var resign func()
		_, err := (&leadClaim{name: "e"}).try(t.Context(), &faster{Storage: st, act: func() { resign = rival.leads("e", "") }}, me.Session)
		var taken *takenError
		require.ErrorAs(t, err, &taken)
		require.Equal(t, "led by host/rival (rival)", taken.Error())
		synctest.Wait()
		candidates, err := election.Candidates(t.Context(), st, "e")
		require.NoError(t, err)
		require.Empty(t, candidates, "nothing of it stays in the line")
		resign()
	})
}

func TestWaitForALeadershipEndsWithWhoLeads(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st := newStore(t)
		defer join(t, st, "first").leads("e", "")()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := (&leadClaim{name: "e"}).await(ctx, st, join(t, st, "me").Session)
		var taken *takenError
		require.ErrorAs(t, err, &taken)
		require.Equal(t, "led by host/first (first)", taken.Error())
		require.True(t, errors.Is(err, context.DeadlineExceeded))
	})
}

func TestWaitOnAStoreThatIsAwayIsNoConflict(t *testing.T) {
	bubble.Test(t, func(t *testing.T) {
		st := newStore(t)
		defer join(t, st, "first").leads("e", "")()
		other := st.Connect()
		t.Cleanup(func() { _ = other.Close() })
		s := session.New(other, nil)
		require.NoError(t, s.Ready(t.Context()))
		other.SetConnected(false)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		j := &job{app: &app{}, claim: &leadClaim{name: "e"}, wait: 5 * time.Second, conflict: 75}
		g, err := j.claim.await(ctx, other, s)
		require.Nil(t, g)
		require.Equal(t, exitUnavailable, codeOf(j.refused(t.Context(), err), exitFailed), "%v", err)
		other.SetConnected(true)
		require.NoError(t, s.Close(t.Context()))
	})
}
