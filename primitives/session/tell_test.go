package session

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/backends/memory"
	"github.com/coordkit/coord/primitives/internal/bridge"
)

func TestWithoutHooksNothingIsAllocatedForThem(t *testing.T) {
	st := memory.New(nil)
	s := New(st, nil)
	in := bridge.Inside(s)
	tenure, err := in.Tenure(t.Context())
	require.NoError(t, err)
	what := bridge.What{Primitive: "mutex", Name: "m"}
	hold := tenure.Hold(bridge.HoldSpec{What: what})
	ctx, err := t.Context(), error(context.Canceled)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		ctx := in.Asked(ctx, what)
		in.Joined(ctx, what, 1, time.Second)
		in.Failed(ctx, what, 1, time.Second, err)
		hold.Announce(ctx, 1, time.Second)
		hold.Public().(*Hold).tellEnd()
	}))
	require.NoError(t, hold.Release())
	require.NoError(t, s.Close(t.Context()))
	require.NoError(t, st.Close())
}
