package registry

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/session"
	"github.com/coordkit/coord/test/internal/worlds"
)

func TestRegistrations(t *testing.T) {
	onEach(t, []testCase{
		{"RegisterStoresTheInstanceUnderALease", registerStores},
		{"RegisterFillsInWhatIsEmpty", registerFillsIn},
		{"UpdateIsWrittenWhenItReturns", updateIsWritten},
		{"UpdatesDoNotLoseEachOther", updatesAddUp},
		{"CloseSaysFarewellAndTheRecordRunsOut", closeSaysFarewell},
		{"CloseReturnsTheFirstResultAgain", closeRepeats},
		{"DrainWritesFirstAndWaitsThen", drainWaits},
		{"DeletedByHandComesBack", deletedComesBack},
		{"RevokedLeaseComesBackUnderAnother", revokedComesBack},
		{"EditedByHandKeepsWhatIsUnknown", editedKeepsUnknown},
		{"DamagedByHandIsMended", damagedIsMended},
		{"DetachedFromItsLeaseIsReplaced", detachedIsReplaced},
		{"UnderAFormerLeaseIsReplaced", formerIsReplaced},
		{"RegistryCloseSaysFarewellForAll", registryCloses},
		{"ManyJoinAtOnce", manyJoin},
	})
}

func registerStores(t *testing.T, w *world) {
	st := w.Process(t)
	r := on(t, st, &registry.Options{Owner: session.Owner{Name: "somebody"}})
	i := instance(t, "a")
	i.Tags, i.Metadata, i.Zone = []string{"eu"}, map[string]string{"k": "v"}, "z"
	g := register(t, r, i)
	require.Equal(t, registry.Registered, g.State().Phase)
	require.NoError(t, g.State().Err)
	got := records(t, st)["a"]
	require.Equal(t, "serving", got.Status)
	require.Equal(t, 100, got.Weight)
	require.NotZero(t, got.Lease, "immortal")
	_, err := st.Lessor().GetLease(got.Lease)
	require.NoError(t, err)
	require.Greater(t, epochOf(t, st), got.Record.Version, "readers can learn of it when Register returns")

	told := g.Instance()
	require.Equal(t, keyOf(service(t), "a"), told.Key)
	require.Equal(t, got.Record.Version, told.Revision)
	require.Equal(t, got.Lease, told.Lease)
	require.Equal(t, "somebody", told.Owner.Name)
	require.Equal(t, i.Tags, told.Tags)
	i.Tags[0], told.Tags[0], told.Metadata["k"] = "mine", "mine", "mine"
	require.Equal(t, []string{"eu"}, g.Instance().Tags, "its own copy")
	require.Equal(t, "v", g.Instance().Metadata["k"], "its own copy")
	closeIt(t, g)
}

func registerFillsIn(t *testing.T, w *world) {
	st := w.Process(t)
	r := on(t, st, nil)
	g := register(t, r, registry.Instance{Service: service(t)})
	h := register(t, r, registry.Instance{Service: service(t)})
	require.Len(t, g.Instance().ID, 32)
	require.NotEqual(t, g.Instance().ID, h.Instance().ID)
	require.Equal(t, registry.Serving, g.Instance().Status)
	require.Equal(t, registry.DefaultWeight, g.Instance().Weight)
	require.Len(t, records(t, st), 2)
	closeIt(t, g)
	closeIt(t, h)
}

func updateIsWritten(t *testing.T, w *world) {
	st := w.Process(t)
	g := register(t, on(t, st, &registry.Options{MaxSize: 1000}), instance(t, "a"))
	before := epochOf(t, st)
	require.NoError(t, g.Update(t.Context(), func(i *registry.Instance) { i.Weight, i.Version = 7, "2" }))
	got := records(t, st)["a"]
	require.Equal(t, 7, got.Weight)
	require.Equal(t, "2", got.Version)
	require.Greater(t, epochOf(t, st), before)
	require.NoError(t, g.SetStatus(t.Context(), registry.NotServing))
	require.Equal(t, "not_serving", records(t, st)["a"].Status)
	require.Equal(t, registry.NotServing, g.State().Status)

	for _, wrong := range []func(i *registry.Instance){
		func(i *registry.Instance) { i.ID = "b" },
		func(i *registry.Instance) { i.Service = "b" },
		func(i *registry.Instance) { i.Weight = -1 },
		func(i *registry.Instance) { i.Status = "left" },
		nil,
	} {
		require.ErrorIs(t, g.Update(t.Context(), wrong), kv.ErrInvalid)
	}
	err := g.Update(t.Context(), func(i *registry.Instance) { i.Metadata = map[string]string{"k": strings.Repeat("v", 2000)} })
	require.ErrorIs(t, err, kv.ErrTooLarge)
	require.Regexp(t, `record of 2\d\d\d bytes, at most 1000`, err.Error())
	require.ErrorIs(t, g.SetStatus(t.Context(), ""), kv.ErrInvalid)
	require.ErrorIs(t, g.Update(worlds.Ended(), func(i *registry.Instance) { i.Weight = 9 }), context.Canceled)
	require.Equal(t, 7, g.Instance().Weight, "nothing was changed")
	var failed *registry.Error
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "update", failed.Op)
	closeIt(t, g)
	require.ErrorIs(t, g.Update(t.Context(), func(*registry.Instance) {}), kv.ErrClosed)
}

func updatesAddUp(t *testing.T, w *world) {
	st := w.Process(t)
	g := register(t, on(t, st, nil), instance(t, "a"))
	const n = 20
	results := make(chan error, n)
	for range n {
		go func() { results <- g.Update(context.Background(), func(i *registry.Instance) { i.Weight++ }) }()
	}
	for range n {
		require.NoError(t, worlds.Await(t, results))
	}
	require.Equal(t, registry.DefaultWeight+n, records(t, st)["a"].Weight)
	closeIt(t, g)
}

func closeSaysFarewell(t *testing.T, w *world) {
	st := w.Process(t)
	g := register(t, on(t, st, nil), instance(t, "a"))
	before, lease := epochOf(t, st), records(t, st)["a"].Lease
	start := time.Now()
	closeIt(t, g)
	require.Less(t, time.Since(start), ttl, "it does not wait for the lease")
	got := records(t, st)["a"]
	require.Equal(t, "left", got.Status, "it is there still, for those who read late")
	require.Equal(t, lease, got.Lease)
	require.Greater(t, epochOf(t, st), before)
	require.Equal(t, registry.Closed, g.State().Phase)
	w.Until(t, func() bool { return len(records(t, st)) == 0 })
	_, err := st.Lessor().GetLease(lease)
	require.ErrorIs(t, err, kv.ErrWrongLeaseId)
}

func closeRepeats(t *testing.T, w *world) {
	g := register(t, on(t, w.Process(t), nil), instance(t, "a"))
	var none context.Context
	require.ErrorIs(t, g.Close(none), kv.ErrInvalid)
	require.NoError(t, g.Close(worlds.Ended()), "a ctx that is over does not hinder it")
	require.NoError(t, g.Close(t.Context()))
	require.NoError(t, g.Close(worlds.Ended()))
}

func drainWaits(t *testing.T, w *world) {
	st := w.Process(t)
	g := register(t, on(t, st, nil), instance(t, "a"))
	start, result := time.Now(), make(chan error, 1)
	go func() { result <- g.Drain(context.Background(), 500*time.Millisecond) }()
	w.Until(t, func() bool { return records(t, st)["a"].Status == "draining" })
	require.NoError(t, worlds.Await(t, result))
	require.GreaterOrEqual(t, time.Since(start), 500*time.Millisecond)
	require.Equal(t, "draining", records(t, st)["a"].Status, "it is there until it is closed")
	ctx, cancel := context.WithCancel(t.Context())
	go func() { result <- g.Drain(ctx, time.Hour) }()
	cancel()
	require.ErrorIs(t, worlds.Await(t, result), context.Canceled)
	go func() { result <- g.Drain(context.Background(), time.Hour) }()
	require.ErrorIs(t, g.Drain(t.Context(), -1), kv.ErrInvalid)
	closeIt(t, g)
	require.ErrorIs(t, worlds.Await(t, result), kv.ErrClosed)
}

func deletedComesBack(t *testing.T, w *world) {
	st := w.Process(t)
	g := register(t, on(t, st, nil), instance(t, "a"))
	states := follow(g)
	require.NoError(t, g.Update(t.Context(), func(i *registry.Instance) { i.Weight = 7 }))
	was := records(t, st)["a"]
	require.NoError(t, w.Process(t).Delete(t.Context(), was.Key))
	w.Until(t, func() bool { return len(records(t, st)) == 1 && g.State().Phase == registry.Registered })
	got := records(t, st)["a"]
	require.Greater(t, got.Record.Version, was.Record.Version)
	require.Equal(t, 7, got.Weight, "with its current data")
	require.Equal(t, was.Lease, got.Lease, "the lease lives")
	closeIt(t, g)
	var phases []registry.Phase
	for s := range states {
		if len(phases) == 0 || phases[len(phases)-1] != s.Phase {
			phases = append(phases, s.Phase)
		}
		if s.Phase == registry.Lost {
			require.Error(t, s.Err)
		}
	}
	require.Equal(t, []registry.Phase{registry.Registered, registry.Lost, registry.Registered, registry.Closed}, phases)
}

func revokedComesBack(t *testing.T, w *world) {
	st := w.Process(t)
	g := register(t, on(t, st, nil), instance(t, "a"))
	for n := range 3 {
		require.NoError(t, g.Update(t.Context(), func(i *registry.Instance) { i.Weight = n + 1 }))
		was := records(t, st)["a"]
		worlds.Revoke(t, w.Process(t), was.Lease)
		w.Until(t, func() bool { return len(records(t, st)) == 1 && g.State().Phase == registry.Registered })
		got := records(t, st)["a"]
		require.Equal(t, n+1, got.Weight)
		require.NotEqual(t, was.Lease, got.Lease)
		require.NotZero(t, got.Lease)
		require.Equal(t, was.Incarnation, got.Incarnation)
	}
	closeIt(t, g)
}

func editedKeepsUnknown(t *testing.T, w *world) {
	st := w.Process(t)
	g := register(t, on(t, st, nil), instance(t, "a"))
	edit(t, st, keyOf(service(t), "a"), func(f map[string]any) { f["x-unknown"], f["weight"] = "kept", 5 })
	w.Until(t, func() bool { return records(t, st)["a"].Weight == registry.DefaultWeight })
	require.Equal(t, "kept", records(t, st)["a"].Unknown)
	require.NoError(t, g.Update(t.Context(), func(i *registry.Instance) { i.Weight = 8 }))
	require.Equal(t, "kept", records(t, st)["a"].Unknown, "after an update")
	worlds.Revoke(t, st, records(t, st)["a"].Lease)
	w.Until(t, func() bool { return len(records(t, st)) == 1 })
	require.Equal(t, "kept", records(t, st)["a"].Unknown, "after a loss")
	require.Equal(t, 8, records(t, st)["a"].Weight)
	closeIt(t, g)
	require.Equal(t, "kept", records(t, st)["a"].Unknown, "in the farewell")
}

func damagedIsMended(t *testing.T, w *world) {
	st := w.Process(t)
	g := register(t, on(t, st, nil), instance(t, "a"))
	for _, damage := range []string{"", "{", `{"format":9}`, `{"format":1,"incarnation":"of another"}`} {
		r, err := st.Get(t.Context(), keyOf(service(t), "a"))
		require.NoError(t, err)
		r.Value = kv.Value(damage)
		v, err := st.CasByVersion(t.Context(), r)
		require.NoError(t, err)
		w.Until(t, func() bool {
			r, err := st.Get(context.Background(), r.Key)
			return err == nil && r.Version > v && g.Instance().Revision == r.Version
		})
		require.Equal(t, "serving", records(t, st)["a"].Status)
	}
	closeIt(t, g)
}

// moved puts the record under another lease, as a hand can.
func moved(t *testing.T, st kv.Storage, key kv.Key, lease kv.LeaseId) {
	t.Helper()
	for {
		r, err := st.Get(t.Context(), key)
		require.NoError(t, err)
		require.NoError(t, st.Delete(t.Context(), key))
		r.Lease = lease
		if _, err = st.Create(t.Context(), r); err == nil {
			return
		}
		require.ErrorIs(t, err, kv.ErrAlreadyExists) // it was back sooner
	}
}

func detachedIsReplaced(t *testing.T, w *world) {
	st := w.Process(t)
	g := register(t, on(t, st, nil), instance(t, "a"))
	moved(t, st, keyOf(service(t), "a"), kv.NoLeaseId) // what a put by hand does on etcd
	w.Until(t, func() bool {
		return records(t, st)["a"].Lease != kv.NoLeaseId && g.State().Phase == registry.Registered
	})
	closeIt(t, g)
	w.Until(t, func() bool { return len(records(t, st)) == 0 })
}

func formerIsReplaced(t *testing.T, w *world) {
	st := w.Process(t)
	g := register(t, on(t, st, nil), instance(t, "a"))
	lease, err := st.Lessor().NewLease(t.Context(), time.Minute, true)
	require.NoError(t, err)
	moved(t, st, keyOf(service(t), "a"), lease.Id())
	w.Until(t, func() bool {
		return records(t, st)["a"].Lease == g.Instance().Lease && g.State().Phase == registry.Registered
	})
	_, err = st.Lessor().GetLease(lease.Id())
	require.ErrorIs(t, err, kv.ErrWrongLeaseId)
	closeIt(t, g)
}

func registryCloses(t *testing.T, w *world) {
	st := w.Process(t)
	r := on(t, st, nil)
	a, b := register(t, r, instance(t, "a")), register(t, r, instance(t, "b"))
	closeIt(t, a)
	require.NoError(t, r.Close(t.Context()))
	require.Equal(t, "left", records(t, st)["b"].Status)
	require.Equal(t, registry.Closed, b.State().Phase)
	_, err := r.Register(t.Context(), instance(t, "c"))
	require.ErrorIs(t, err, kv.ErrClosed)
	require.ErrorIs(t, r.Drain(t.Context(), service(t), "b"), kv.ErrClosed)
	require.NoError(t, r.Close(t.Context()))
}

func manyJoin(t *testing.T, w *world) {
	st := w.Process(t)
	r := on(t, st, nil)
	const n = 30
	results := make(chan error, n)
	i := instance(t, "")
	for range n {
		go func() {
			_, err := r.Register(context.Background(), i)
			results <- err
		}()
	}
	for range n {
		require.NoError(t, worlds.Await(t, results))
	}
	require.Len(t, records(t, st), n)
	require.NoError(t, r.Close(t.Context()))
	for id, got := range records(t, st) {
		require.Equal(t, "left", got.Status, id)
	}
}
