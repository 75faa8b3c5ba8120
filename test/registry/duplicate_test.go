package registry

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/worlds"
)

func TestDuplicates(t *testing.T) {
	onEach(t, []testCase{
		{"FailNamesTheOther", failNames},
		{"WaitExpiryOutlastsADeadProcess", waitOutlasts},
		{"WaitExpiryFailsWhileTheOtherLives", waitFails},
		{"ReplaceTakesThePlaceAndTheOtherComesBackLater", replaceTakes},
		{"OneThatHasLeftIsNeverInTheWay", leftIsNoHindrance},
		{"WhatIsMadeByHandIsForAHandToRemove", byHandStays},
		{"WhatCannotBeReadIsForAHandToRemove", unreadableStays},
		{"StrangerAfterALossIsWaitedOut", strangerAfterLoss},
		{"OneOfManyHasTheID", oneOfMany},
	})
}

func with(policy registry.DuplicatePolicy) *registry.Options {
	return &registry.Options{OnDuplicate: policy}
}

func failNames(t *testing.T, w *world) {
	st := w.Process(t)
	first := register(t, on(t, st, &registry.Options{Owner: session.Owner{Name: "the first"}}), instance(t, "a"))
	was := records(t, st)["a"]
	_, err := on(t, w.Process(t), nil).Register(t.Context(), instance(t, "a"))
	require.ErrorIs(t, err, registry.ErrDuplicate)
	var other *registry.DuplicateError
	require.ErrorAs(t, err, &other)
	require.Equal(t, "the first", other.Holder.Owner.Name)
	require.Equal(t, was.Lease, other.Holder.Lease)
	require.Equal(t, was.Record, records(t, st)["a"].Record, "untouched")
	closeIt(t, first)
}

// dies is the life of a process of whom the store hears nothing more, as after a crash.
func (w *world) dies(t *testing.T, i registry.Instance) {
	t.Helper()
	st, kill := w.Open(t)
	g := register(t, on(t, st, nil), i)
	kill()
	require.Error(t, g.Close(context.Background()))
}

func waitOutlasts(t *testing.T, w *world) {
	st := w.Process(t)
	w.dies(t, instance(t, "a"))
	require.Equal(t, "serving", records(t, st)["a"].Status)
	i := instance(t, "a")
	i.Version = "2"
	g := register(t, on(t, st, with(registry.WaitExpiry)), i)
	require.Equal(t, "2", records(t, st)["a"].Version)
	closeIt(t, g)
}

func waitFails(t *testing.T, w *world) {
	st := w.Process(t)
	first := register(t, on(t, st, nil), instance(t, "a"))
	start := time.Now()
	_, err := on(t, w.Process(t), with(registry.WaitExpiry)).Register(t.Context(), instance(t, "a"))
	require.ErrorIs(t, err, registry.ErrDuplicate)
	require.GreaterOrEqual(t, time.Since(start), 2*ttl-time.Second)
	require.LessOrEqual(t, time.Since(start), 2*ttl+time.Second+w.Leeway())
	closeIt(t, first)
}

func replaceTakes(t *testing.T, w *world) {
	st := w.Process(t)
	first := register(t, on(t, st, nil), instance(t, "a"))
	i := instance(t, "a")
	i.Version = "2"
	second := register(t, on(t, w.Process(t), with(registry.Replace)), i)
	require.Equal(t, "2", records(t, st)["a"].Version)
	w.Until(t, func() bool {
		var other *registry.DuplicateError
		s := first.State()
		return s.Phase == registry.Lost && s.Err != nil && errorAs(s.Err, &other) && other.Holder.Version == "2"
	})
	require.Equal(t, "2", records(t, st)["a"].Version)
	closeIt(t, second)
	w.Until(t, isIn(first, registry.Registered))
	require.Equal(t, "1", records(t, st)["a"].Version)
	closeIt(t, first)
}

func leftIsNoHindrance(t *testing.T, w *world) {
	st := w.Process(t)
	for n := range 3 {
		g := register(t, on(t, st, nil), instance(t, "a"))
		require.Equal(t, "serving", records(t, st)["a"].Status)
		require.NoError(t, g.Update(t.Context(), func(i *registry.Instance) { i.Weight = n + 1 }))
		require.Equal(t, n+1, records(t, st)["a"].Weight)
		closeIt(t, g)
	}
}

func byHandStays(t *testing.T, w *world) {
	st := w.Process(t)
	r := kv.Record{Key: keyOf(service(t), "a"), Value: kv.Value(`{"format":1,"status":"left"}`)}
	_, err := st.Create(t.Context(), r)
	require.NoError(t, err)
	for _, policy := range []registry.DuplicatePolicy{registry.Fail, registry.WaitExpiry, registry.Replace} {
		_, err = on(t, st, with(policy)).Register(t.Context(), instance(t, "a"))
		require.ErrorIs(t, err, registry.ErrDuplicate)
	}
	require.NoError(t, st.Delete(t.Context(), r.Key))
	closeIt(t, register(t, on(t, st, nil), instance(t, "a")))
}

func unreadableStays(t *testing.T, w *world) {
	st := w.Process(t)
	lease, err := st.Lessor().NewLease(t.Context(), time.Minute, false)
	require.NoError(t, err)
	r := kv.Record{Key: keyOf(service(t), "a"), Value: kv.Value("{"), Lease: lease.Id()}
	_, err = st.Create(t.Context(), r)
	require.NoError(t, err)
	for _, policy := range []registry.DuplicatePolicy{registry.Fail, registry.Replace} {
		_, err := on(t, st, with(policy)).Register(t.Context(), instance(t, "a"))
		require.ErrorIs(t, err, registry.ErrDuplicate)
		var bad *registry.RecordError
		require.ErrorAs(t, err, &bad, "it says why")
		require.Equal(t, r.Key, bad.Key)
	}
	require.NoError(t, lease.Release())
}

func strangerAfterLoss(t *testing.T, w *world) {
	st := w.Process(t)
	g := register(t, on(t, st, nil), instance(t, "a"))
	// Both in one step: the other one is there before the first can come back.
	lease, err := st.Lessor().NewLease(t.Context(), time.Minute, false)
	require.NoError(t, err)
	was := records(t, st)["a"]
	stranger := kv.Record{Key: was.Key, Value: kv.Value(`{"format":1,"status":"serving","incarnation":"other"}`), Lease: lease.Id()}
	worlds.Revoke(t, st, was.Lease)
	_, err = st.Create(t.Context(), stranger)
	require.NoError(t, err)
	w.Until(t, func() bool { return errorIs(g.State().Err, registry.ErrDuplicate) })
	require.Equal(t, registry.Lost, g.State().Phase)
	require.Equal(t, "other", records(t, st)["a"].Incarnation)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err = g.Update(ctx, func(i *registry.Instance) { i.Weight = 9 })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, registry.ErrDuplicate, "and why")
	require.ErrorContains(t, err, "the change stands")
	require.NoError(t, lease.Release())
	w.Until(t, isIn(g, registry.Registered))
	require.Equal(t, 9, records(t, st)["a"].Weight)
	closeIt(t, g)
}

func oneOfMany(t *testing.T, w *world) {
	st := w.Process(t)
	const n = 5
	type result struct {
		g   *registry.Registration
		err error
	}
	results := make(chan result, n)
	for range n {
		r := on(t, w.Process(t), nil)
		go func() {
			g, err := r.Register(context.Background(), instance(t, "a"))
			results <- result{g, err}
		}()
	}
	var winner *registry.Registration
	for range n {
		switch r := worlds.Await(t, results); {
		case r.err == nil:
			require.Nil(t, winner, "two have the ID")
			winner = r.g
		default:
			require.ErrorIs(t, r.err, registry.ErrDuplicate)
		}
	}
	require.NotNil(t, winner)
	require.Equal(t, winner.Instance().Revision, records(t, st)["a"].Record.Version)
	closeIt(t, winner)
}
