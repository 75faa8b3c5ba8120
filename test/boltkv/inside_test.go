package boltkv

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/coordkit/coord/kv"
)

// What the suite cannot see from outside.

func TestWaitThatEndsLeavesNothingInTheList(t *testing.T) {
	st, err := Open(filepath.Join(t.TempDir(), "store"), &Options{NoSync: true})
	require.NoError(t, err)
	defer st.Close()
	v, err := st.Create(t.Context(), kv.Record{Key: "k"})
	require.NoError(t, err)
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, err = st.WaitForVersionChange(ctx, "k", v)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		cancel()
	}
	require.Empty(t, st.d.waits)
}

func TestCommitThatFailsIsUncertainAndTheLastCallServed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	st, err := Open(path, &Options{NoSync: true})
	require.NoError(t, err)
	defer st.Close()
	ctx := t.Context()
	_, err = st.Create(ctx, kv.Record{Key: "k"})
	require.NoError(t, err)
	l, err := st.Lessor().NewLease(ctx, time.Hour, true)
	require.NoError(t, err)

	st.d.db.MaxSize = 1 // the disk is full
	v, err := st.Create(ctx, kv.Record{Key: "l", Value: make(kv.Value, kv.MaxValueLen)})
	require.ErrorIs(t, err, kv.ErrUncertain)
	require.Zero(t, v)
	_, err = st.Get(ctx, "k")
	require.ErrorIs(t, err, kv.ErrUnavailable)
	require.NotErrorIs(t, err, kv.ErrUncertain)
	require.ErrorIs(t, l.Release(), kv.ErrUnavailable)

	require.NoError(t, st.Close())
	st, err = Open(path, &Options{NoSync: true})
	require.NoError(t, err)
	defer st.Close()
	_, err = st.Get(ctx, "k")
	require.NoError(t, err)
}
