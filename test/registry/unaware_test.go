package registry

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/kv"
	"github.com/coordkit/coord/primitives/registry"
	"github.com/coordkit/coord/test/internal/worlds"
)

// unaware has leases that do not hear of their end, as one that somebody else has revoked does not until its next renewal.
type unaware struct{ kv.Storage }

func (s unaware) Lessor() kv.Lessor { return unawareLessor{s.Storage.Lessor()} }

type unawareLessor struct{ kv.Lessor }

func (l unawareLessor) NewLease(ctx context.Context, ttl time.Duration, keepAlive bool) (kv.Lease, error) {
	lease, err := l.Lessor.NewLease(ctx, ttl, keepAlive)
	if err != nil {
		return nil, err
	}
	return unawareLease{lease}, nil
}

type unawareLease struct{ kv.Lease }

func (unawareLease) TTL() time.Duration { return ttl }

func TestALeaseThatTheStoreDoesNotKnowIsReplaced(t *testing.T) {
	inBubble(t, func(t *testing.T, store, own *memory.Storage) {
		g := register(t, on(t, unaware{own}, nil), instance(t, "a"))
		time.Sleep(attended)
		revoked := g.Instance().Lease
		worlds.Revoke(t, store, revoked)
		time.Sleep(back)
		require.Equal(t, registry.Registered, g.State().Phase, "%v", g.State().Err)
		require.NotEqual(t, revoked, records(t, store)["a"].Lease)
	})
}
