//go:build linux && !nolocal

package local_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/coordkit/coord/cmd/coord/internal/local"
)

// stop calls Stop, which must come to an end in time.
func stop(t *testing.T, force bool) (int, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return local.Stop(ctx, force)
}

func TestNothingRunsBeforeTheFirstUse(t *testing.T) {
	state, _ := home(t)
	s, err := local.Inspect(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, s.Dir)
	require.Equal(t, local.Status{Dir: s.Dir}, s)
	pid, err := stop(t, false)
	require.NoError(t, err)
	require.Zero(t, pid)
	require.NoDirExists(t, state, "to ask has created something")
}

func TestInspectTellsOfTheServerAndItsUse(t *testing.T) {
	state, _ := home(t)
	st, c := open(t, nil)
	put(t, c, "k")
	_, pid := watchServer(t, st)
	s, err := local.Inspect(t.Context())
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), s.LastUse, time.Minute)
	require.Positive(t, s.Size)
	s.Size, s.LastUse = 0, time.Time{}
	require.Equal(t, local.Status{Dir: dirOf(t, state), Running: true, Endpoint: st.Endpoint(), PID: pid, InUse: true}, s)
	require.NoError(t, c.Close())
	require.NoError(t, st.Close())
	s, err = local.Inspect(t.Context())
	require.NoError(t, err)
	require.True(t, s.Running)
	require.False(t, s.InUse)
}

func TestStopEndsAServerThatNobodyUses(t *testing.T) {
	home(t)
	st, c := open(t, nil)
	put(t, c, "k")
	conn, server := watchServer(t, st)
	require.NoError(t, c.Close())
	require.NoError(t, st.Close())
	pid, err := stop(t, false)
	require.NoError(t, err)
	require.Equal(t, server, pid)
	ended(t, conn)
	s, err := local.Inspect(t.Context())
	require.NoError(t, err)
	require.False(t, s.Running)
	require.Empty(t, s.Endpoint)

	_, c = open(t, nil)
	require.EqualValues(t, 1, has(t, c, "k"), "the data is gone")
}

func TestStopLeavesAServerInUseAlone(t *testing.T) {
	home(t)
	st, c := open(t, nil)
	_, server := watchServer(t, st)
	_, err := stop(t, false)
	require.ErrorIs(t, err, local.ErrInUse)
	put(t, c, "k")
	pid, err := serverOf(st.Endpoint())
	require.NoError(t, err)
	require.Equal(t, server, pid)

	conn, _ := watchServer(t, st)
	pid, err = stop(t, true)
	require.NoError(t, err)
	require.Equal(t, server, pid)
	ended(t, conn)
	put(t, c, "k") // and who used it goes on, with another one
	pid, err = serverOf(st.Endpoint())
	require.NoError(t, err)
	require.NotEqual(t, server, pid)
}

func TestStopOfAServerThatDoesNotEndIsAnError(t *testing.T) {
	home(t)
	st, c := open(t, nil)
	_, server := watchServer(t, st)
	require.NoError(t, c.Close())
	require.NoError(t, st.Close())
	require.NoError(t, unix.Kill(server, unix.SIGSTOP))
	defer func() { _ = unix.Kill(server, unix.SIGCONT) }()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := local.Stop(ctx, false)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	requireCode(t, err, local.Unavailable, "the server does not end")
}

func TestStopEndsNobodyWhoHasTheSocketOfAServerThatIsGone(t *testing.T) {
	state, _ := home(t)
	st, c := open(t, nil)
	conn, server := watchServer(t, st)
	socket := path(st)
	require.NoError(t, c.Close())
	require.NoError(t, st.Close())
	kill(t, conn, server)
	// This process listens there now, and lives.
	require.NoError(t, os.Remove(socket))
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer l.Close()
	// And another one, no server either, has the data.
	held, err := os.OpenFile(filepath.Join(dirOf(t, state), "server"), os.O_RDWR, 0)
	require.NoError(t, err)
	defer held.Close()
	require.NoError(t, unix.Flock(int(held.Fd()), unix.LOCK_EX))
	_, err = stop(t, false)
	requireCode(t, err, local.Unavailable, "is not known to be the server")
}
