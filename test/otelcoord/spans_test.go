package otelcoord

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/mutex"
	"github.com/coordkit/coord/primitives/session"
)

// named are the ended spans of a name.
func (p *process) named(name string) []sdktrace.ReadOnlySpan {
	var found []sdktrace.ReadOnlySpan
	for _, s := range p.spans.Ended() {
		if s.Name() == name {
			found = append(found, s)
		}
	}
	return found
}

// value is an attribute of a span, as text; empty if there is none.
func value(s sdktrace.ReadOnlySpan, key attribute.Key) string {
	for _, a := range s.Attributes() {
		if a.Key == key {
			return a.Value.String()
		}
	}
	return ""
}

func TestAWaitHasASpanWithTheCallsInIt(t *testing.T) {
	observed(t, nil, func(t *testing.T, p *process) {
		other := session.New(p.store, &session.Options{TTL: ttl})
		held, err := mutex.New(other, "m", nil).Lock(t.Context())
		require.NoError(t, err)
		s := session.New(p.st, p.Session(&session.Options{TTL: ttl}))
		time.AfterFunc(time.Minute, func() { _ = held.Unlock(t.Context()) })
		h, err := mutex.New(s, "m", nil).Lock(t.Context())
		require.NoError(t, err)
		require.NoError(t, s.Close(t.Context()))
		require.NoError(t, other.Close(t.Context()))

		waits := p.named("coord wait mutex")
		require.Len(t, waits, 1)
		wait := waits[0]
		require.Equal(t, time.Minute, wait.EndTime().Sub(wait.StartTime()))
		require.Equal(t, "m", value(wait, "coord.name"))
		require.Equal(t, "acquired", value(wait, "coord.outcome"))
		require.Equal(t, "1", value(wait, "coord.queue.ahead"))
		require.NotEmpty(t, value(wait, "coord.token"))
		require.Len(t, wait.Events(), 1)
		require.Equal(t, "joined", wait.Events()[0].Name)
		appends := p.named("coord append")
		require.Len(t, appends, 1)
		require.Equal(t, wait.SpanContext().SpanID(), appends[0].Parent().SpanID())
		require.Equal(t, string(h.Key()), value(appends[0], "coord.key"))
		require.Empty(t, p.named("coord watch range"), "the session's own, which lasts")
	})
}

func TestStatusIsErrorForWhatFailedAndNotForAnAnswer(t *testing.T) {
	observed(t, nil, func(t *testing.T, p *process) {
		_, err := p.st.Get(t.Context(), "k")
		require.ErrorIs(t, err, kv.ErrNotFound)
		p.cut.SetConnected(false)
		_, err = p.st.Get(t.Context(), "k")
		require.ErrorIs(t, err, kv.ErrUnavailable)
		gets := p.named("coord get")
		require.Len(t, gets, 2)
		require.Equal(t, codes.Unset, gets[0].Status().Code)
		require.Equal(t, "not_found", value(gets[0], "error.type"))
		require.Equal(t, codes.Error, gets[1].Status().Code)
		require.Equal(t, "unavailable", value(gets[1], "error.type"))
	})
}

func TestATryThatIsRefusedIsNoError(t *testing.T) {
	observed(t, nil, func(t *testing.T, p *process) {
		p.live(t)
		waits := p.named("coord wait mutex")
		require.Len(t, waits, 2)
		require.Equal(t, "refused", value(waits[0], "coord.outcome"))
		require.Equal(t, codes.Unset, waits[0].Status().Code)
		require.NotEmpty(t, waits[0].SpanContext().SpanID())
		require.Empty(t, waits[0].Events(), "it never joined")
	})
}
