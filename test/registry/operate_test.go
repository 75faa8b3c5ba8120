package registry

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/test/internal/worlds"
)

func errorIs(err, target error) bool             { return errors.Is(err, target) }
func errorAs[T error](err error, target *T) bool { return errors.As(err, target) }

func TestOrders(t *testing.T) {
	onEach(t, []testCase{
		{"DrainStandsAboveWhatTheInstanceSays", drainStands},
		{"DrainOfNobodyIsErrNoInstance", drainNobody},
	})
}

func drainStands(t *testing.T, w *world) {
	st := w.Process(t)
	g := register(t, on(t, st, nil), instance(t, "a"))
	operator := on(t, w.Process(t), nil)
	edit(t, st, keyOf(service(t), "a"), func(f map[string]any) { f["x-unknown"] = "kept" })
	before := epochOf(t, st)
	require.NoError(t, operator.Drain(t.Context(), service(t), "a"))
	require.Greater(t, epochOf(t, st), before)
	require.Equal(t, "kept", records(t, st)["a"].Unknown)
	require.NoError(t, operator.Drain(t.Context(), service(t), "a"), "again")
	w.Until(t, func() bool { return g.State().Ordered })
	require.Equal(t, registry.Draining, g.State().Status)
	require.True(t, g.Instance().Ordered)
	require.Equal(t, registry.Registered, g.State().Phase)

	require.NoError(t, g.SetStatus(t.Context(), registry.Serving))
	require.NoError(t, g.Update(t.Context(), func(i *registry.Instance) { i.Weight = 7 }))
	got := records(t, st)["a"]
	require.Equal(t, "draining", got.Ordered, "kept over an update")
	require.Equal(t, "serving", got.Status)
	worlds.Revoke(t, st, got.Lease)
	w.Until(t, func() bool { return len(records(t, st)) == 1 && g.State().Phase == registry.Registered })
	require.Equal(t, "draining", records(t, st)["a"].Ordered, "and over a loss")
	require.Equal(t, "kept", records(t, st)["a"].Unknown)

	require.NoError(t, operator.Undrain(t.Context(), service(t), "a"))
	w.Until(t, func() bool { return !g.State().Ordered })
	require.Equal(t, registry.Serving, g.State().Status)
	require.Empty(t, records(t, st)["a"].Ordered)
	closeIt(t, g)
}

func drainNobody(t *testing.T, w *world) {
	st := w.Process(t)
	r := on(t, st, nil)
	err := r.Drain(t.Context(), service(t), "a")
	require.ErrorIs(t, err, registry.ErrNoInstance)
	require.ErrorIs(t, r.Undrain(t.Context(), service(t), "a"), registry.ErrNoInstance)
	var failed *registry.Error
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "drain", failed.Op)
	require.Equal(t, "a", failed.ID)
	closeIt(t, register(t, r, instance(t, "a")))
	require.ErrorIs(t, r.Drain(t.Context(), service(t), "a"), registry.ErrNoInstance, "it has said farewell")
	_, err = st.Create(t.Context(), kv.Record{Key: keyOf(service(t), "b"), Value: kv.Value("{")})
	require.NoError(t, err)
	var bad *registry.RecordError
	require.ErrorAs(t, r.Drain(t.Context(), service(t), "b"), &bad)
}
