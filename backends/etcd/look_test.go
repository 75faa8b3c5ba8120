package etcd

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// nowhere is where connections are made that are none.
type nowhere struct{ balancer.ClientConn }

type nothing struct{ balancer.SubConn }

func (nothing) Connect()  {}
func (nothing) Shutdown() {}

func (nowhere) UpdateState(balancer.State) {}
func (nowhere) NewSubConn([]resolver.Address, balancer.NewSubConnOptions) (balancer.SubConn, error) {
	return nothing{}, nil
}

// asked is a balancer with two members, one of which was asked at a time and carries a call, and whether that was broken off.
func asked(t *testing.T, at time.Time) (b *balance, m, other *member, broken *bool) {
	broken = new(bool)
	b = &balance{cc: nowhere{}, members: map[string]*member{}}
	b.ctx = t.Context()
	for range 2 {
		b.order = append(b.order, &member{b: b, conn: nothing{}, state: connectivity.Ready, calls: map[*call]struct{}{}})
	}
	m, other = b.order[0], b.order[1]
	m.asked = at
	m.calls[&call{breakOff: func() { *broken = true }}] = struct{}{}
	return b, m, other, broken
}

func TestMemberWithoutAnAnswerIsPassedOverAndThenGivenUp(t *testing.T) {
	at := time.Now()
	b, m, other, broken := asked(t, at)
	other.heard = at.Add(time.Millisecond)
	for _, step := range []struct {
		after           time.Duration
		silent, givenUp bool
	}{
		{glance, false, false}, // seen to be later than the other
		{unanswered - 1, false, false},
		{unanswered, true, false},
		{hopeless - 1, true, false},
		{hopeless, true, true},
	} {
		b.look(at.Add(step.after), false)
		require.Equal(t, step.silent, m.silent, "%v after the question", step.after)
		require.Equal(t, step.givenUp, *broken, "%v after the question", step.after)
	}
	require.Equal(t, connectivity.Connecting, m.state, "it is dialled anew")
	require.False(t, other.silent)
}

// After an election they answer one after the other.
func TestMemberIsNotPassedOverBeforeAnotherHasAnsweredAWhile(t *testing.T) {
	at := time.Now()
	b, m, other, _ := asked(t, at)
	first := at.Add(unanswered + time.Millisecond)
	b.look(first, false)
	other.heard = first
	for _, step := range []struct {
		after  time.Duration
		silent bool
	}{{1, false}, {behind, false}, {behind + 1, true}} { // it is seen at the first of them
		b.look(first.Add(step.after), false)
		require.Equal(t, step.silent, m.silent, "%v after the other's answer", step.after)
	}
}

func TestMemberIsNotPassedOverWhileNoOtherAnswers(t *testing.T) {
	at := time.Now()
	b, m, other, broken := asked(t, at)
	other.heard = at.Add(-time.Millisecond)
	for after := unanswered; after < questionTimeout; after += glance {
		b.look(at.Add(after), false)
	}
	require.False(t, m.silent)
	require.False(t, *broken)
}

func TestMemberIsNotPassedOverForAStopOfThisProcess(t *testing.T) {
	at := time.Now()
	b, m, other, _ := asked(t, at)
	other.heard = at.Add(time.Millisecond)
	b.look(at.Add(glance), false)
	b.look(at.Add(time.Minute), true)
	require.False(t, m.silent, "answers may be there that nobody has read")
	other.heard = at.Add(time.Minute + time.Millisecond)
	b.look(at.Add(time.Minute+behind), false)
	require.False(t, m.silent, "the question counts anew")
}
