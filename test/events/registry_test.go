package events

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/primitives/session"
)

func instance(id string) registry.Instance {
	return registry.Instance{Service: "s", ID: id, Endpoints: []registry.Endpoint{{Name: "grpc", Address: "10.0.0.1:443"}}}
}

func TestTheLifeOfARegistrationIsTold(t *testing.T) {
	onBoth(t, func(t *testing.T, st kv.Storage) {
		heard := &heard{}
		r := registry.New(st, &registry.Options{TTL: ttl, OnEvent: heard.hear})
		g, err := r.Register(t.Context(), instance("i"))
		require.NoError(t, err)
		time.Sleep(time.Minute)
		require.Equal(t, session.Event{Kind: session.Registered, Primitive: "registry", Name: "s", ID: "i"}, heard.only(t, session.Registered))
		require.NoError(t, st.Delete(t.Context(), g.Instance().Key))
		time.Sleep(time.Minute)
		lost := heard.only(t, session.RegistrationLost)
		require.Equal(t, time.Minute, lost.Took)
		require.Error(t, lost.Err)
		require.Equal(t, session.Registered, lost.Before)
		require.Equal(t, "registered, registration lost, registered", heard.kinds())
		back := heard.all()[2]
		require.NoError(t, g.Close(t.Context()))
		closed := heard.only(t, session.RegistrationClosed)
		require.Equal(t, time.Minute-back.Took, closed.Took)
		require.NoError(t, closed.Err)
		require.Equal(t, session.Registered, closed.Before)
		require.NoError(t, r.Close(t.Context()))
	})
}

func TestARegistrationThatNeverCameToBeIsToldWithTheReason(t *testing.T) {
	onBoth(t, func(t *testing.T, st kv.Storage) {
		heard := &heard{}
		r := registry.New(st, &registry.Options{TTL: ttl, OnEvent: heard.hear})
		_, err := r.Register(t.Context(), instance("i"))
		require.NoError(t, err)
		synctest.Wait() // the hook is told after the change: Register may have returned
		_, err = r.Register(t.Context(), instance("i"))
		require.Error(t, err)
		synctest.Wait()
		closed := heard.only(t, session.RegistrationClosed)
		require.ErrorAs(t, closed.Err, new(*registry.DuplicateError))
		require.Empty(t, closed.Before)
		require.NoError(t, r.Close(t.Context()))
		require.Equal(t, "registered, registration closed, registration closed", heard.kinds())
	})
}

func TestAViewTellsWhetherItHearsOfTheStore(t *testing.T) {
	inBubble(t, func(t *testing.T, store *memory.Storage) {
		st := store.Connect()
		heard := &heard{}
		r := registry.New(st, &registry.Options{TTL: ttl, OnEvent: heard.hear})
		st.SetConnected(false)
		v := r.View("s")
		time.Sleep(3 * time.Second)
		st.SetConnected(true)
		time.Sleep(time.Minute)
		live := heard.only(t, session.ViewLive)
		require.InDelta(t, 3, live.Took.Seconds(), 2.5)
		require.Equal(t, "s", live.Name)
		st.SetConnected(false)
		time.Sleep(time.Minute)
		stale := heard.only(t, session.ViewStale)
		require.Equal(t, 25*time.Second, stale.Took)
		require.ErrorIs(t, stale.Err, kv.ErrUnavailable)
		st.SetConnected(true)
		time.Sleep(time.Minute)
		again := heard.all()[len(heard.all())-1]
		require.Equal(t, session.ViewLive, again.Kind)
		require.Equal(t, session.ViewStale, again.Before)
		require.InDelta(t, 65, again.Took.Seconds(), 10)
		v.Close()
		require.NoError(t, r.Close(t.Context()))
		require.Equal(t, "view live, view stale, view live, view closed", heard.kinds())
		require.Equal(t, session.ViewLive, heard.only(t, session.ViewClosed).Before)
		require.NoError(t, st.Close())
	})
}
