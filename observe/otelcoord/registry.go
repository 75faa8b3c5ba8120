package otelcoord

import (
	"context"

	"github.com/coordkit/coord/primitives/session"
)

// registry is told of registrations and views. Each event ends what the one before it began.
func (o *Observer) registry(ctx context.Context, e session.Event) {
	switch e.Before {
	case session.Registered:
		o.registered.Add(ctx, -1, o.of(e))
	case session.ViewLive:
		o.viewsLive.Add(ctx, -1, o.of(e))
	case session.ViewStale:
		o.viewsStale.Add(ctx, -1, o.of(e))
	}
	switch e.Kind {
	case session.Registered:
		o.registered.Add(ctx, 1, o.of(e))
		o.registrations.Record(ctx, e.Took.Seconds(), o.of(e))
	case session.RegistrationLost:
		o.instanceLoss.Add(ctx, 1, o.of(e))
	case session.ViewLive:
		o.viewsLive.Add(ctx, 1, o.of(e))
	case session.ViewStale:
		o.viewsStale.Add(ctx, 1, o.of(e))
	}
}
