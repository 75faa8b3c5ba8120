//go:build linux && !nolocal

package local_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/cmd/coord/internal/local"
)

func TestRunningStartsAndCreatesNothing(t *testing.T) {
	state, _ := home(t)
	_, ok := local.Running(t.Context())
	require.False(t, ok)
	_, err := os.Stat(state)
	require.ErrorIs(t, err, os.ErrNotExist)
	st, err := local.Open(t.Context(), nil)
	require.NoError(t, err)
	defer st.Close()
	endpoint, ok := local.Running(t.Context())
	require.True(t, ok)
	require.Equal(t, st.Endpoint(), endpoint)
	t.Setenv("COORD_LOCAL", "off")
	_, ok = local.Running(t.Context())
	require.False(t, ok)
}
